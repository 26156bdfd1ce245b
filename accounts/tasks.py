"""Celery's door into accounts. A message is a hint; rows are the jobs; `tick` finds them."""

from celery import shared_task

from accounts.audit import job_runs
from accounts.cells import place
from accounts.people import invitation_mails, logins, open_sessions, resets
from accounts.runtime import kept_answers
from accounts.runtime.nudges import nudge
from accounts.telling import mails, security
from accounts.webhooks import sending


@shared_task(name="accounts.mail_notification")
def mail_notification(notification_id: int) -> None:
    mails.mail_notification(notification_id)


@shared_task(name="accounts.mail_staff_alert")
def mail_staff_alert(alert_id: int) -> None:
    mails.mail_staff_alert(alert_id)


@shared_task(name="accounts.mail_invitation")
def mail_invitation(invitation_id: int) -> None:
    mails.mail_invitation(invitation_id)


@shared_task(name="accounts.mail_password_reset")
def mail_password_reset(reset_id: int) -> None:
    mails.mail_password_reset(reset_id)


@shared_task(name="accounts.mail_security")
def mail_security(mail_id: int) -> None:
    mails.mail_security(mail_id)


@shared_task(name="accounts.nudge_each")
def nudge_each(task_name: str, keys: list) -> None:
    for key in keys:
        nudge(task_name, key)


@shared_task(name="accounts.send_webhooks")
def send_webhooks() -> None:
    """One sender does the work of all cells, whichever woke it."""
    with place.inside(""):
        sending.send()


@shared_task(name="accounts.tick")
def tick() -> None:
    with job_runs.noted("accounts.tick"):
        if place.has_everybodys():
            # A link that nobody could send for a day helps nobody.
            resets.forget_old()
            invitation_mails.forget_old()
            logins.forget_old_failures()
            open_sessions.forget_old()
            security.forget_old()
        if place.has_accounts():
            sending.sweep()
            sending.forget_old()
        kept_answers.forget_old()
        # At last: a mail server that is slow at every step may use all the time there is.
        mails.mail_due()
