"""Sending what is due to be mailed: links for a password, what was done to a second factor,
notifications, alerts, invitations.

A worker claims a row by moving its `mail_due_at` ahead, sends, and marks it. Two workers cannot
claim the same row; a worker that dies between sending and marking sends once more later, because
an account had rather hear twice than never. An error is retried with growing pauses."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts import clock
from accounts.cells import place
from accounts.cells.place import Of
from accounts.models import (
    Invitation,
    Level,
    Membership,
    Notification,
    PasswordReset,
    Role,
    SecurityMail,
    StaffAlert,
    User,
)
from accounts.models.mailed import Mailed
from accounts.runtime.queues import Queue
from accounts.runtime.time_limits import TimeIsUp
from accounts.telling import mail_topics, names, security
from accounts.telling.notifications import alert_staff

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Mailed)

FIRST_PAUSE = timedelta(minutes=5)  # Doubled after each failure: 5, 10, 20 minutes ...
LONGEST_PAUSE = timedelta(hours=12)
SWEEP_SIZE = 200  # One look at the list.
OVERDUE_MOST = timedelta(minutes=15)  # A mail server that hangs may cost some ticks.
SWEEP_SECONDS = 10  # What each kind may take of a tick: five of them stay within its 60 s.


def mail_due() -> int:
    """Send everything that is due, and give up on what is too old. Returns how many were sent.

    Each kind has its own time, so that no heap of one keeps another waiting; what is left is sent
    by the next tick, those that waited longest first.
    """
    sent = 0
    for model, send in _SENDERS.items():
        if not place.concerns(WAITING[model].of):
            continue
        give_up(model, kind=WAITING[model].kind)
        for pk in _due(model):
            try:
                sent += send(pk)
            except TimeIsUp:
                raise
            # One bad row must not stop the others; its claim has moved it out of the way.
            except Exception:
                logger.exception("mail broken %s=%s", model.__name__, pk)
    return sent


def give_up(model: type[Mailed], *, kind: str) -> None:
    """Try no longer what nobody could send for as long as it is worth sending, and tell support."""
    days = model.GIVE_UP_AFTER.days
    old = clock.now() - model.GIVE_UP_AFTER
    given_up = model.objects.filter(mail_due_at__isnull=False, created_at__lte=old)
    count = given_up.update(mail_due_at=None)
    if not count:
        return
    logger.error("mails given up model=%s count=%s", model.__name__, count)
    # A mail about a mail that cannot be sent would only be the next one.
    if model is not StaffAlert:
        alert_staff(
            kind="mails_given_up",
            text=f"{count} mails ({kind}) could not be sent for {days} days.",
            dedupe_key=f"mails-given-up:{model.__name__}:{clock.now():%Y-%m-%d}",
        )


def _due(model: type[Mailed]) -> Iterator[int]:
    """What is due, longest waiting first, until nothing is or the time is used up."""
    ends = time.monotonic() + SWEEP_SECONDS
    seen: set[int] = set()
    while True:
        due = model.objects.filter(mail_due_at__lte=clock.now()).exclude(pk__in=seen)
        found = list(due.order_by("mail_due_at", "pk").values_list("pk", flat=True)[:SWEEP_SIZE])
        for pk in found:
            if time.monotonic() > ends:
                return
            yield pk
        seen.update(found)
        if not found:
            WAITING[model].note_emptied()
            return


def mail_notification(notification_id: int) -> bool:
    return _mail(Notification, notification_id, _notification_message)


def mail_staff_alert(alert_id: int) -> bool:
    return _mail(StaffAlert, alert_id, _alert_message)


def mail_invitation(invitation_id: int) -> bool:
    return _mail(Invitation, invitation_id, _invitation_message)


def mail_password_reset(reset_id: int) -> bool:
    """Nothing is sent when nobody logs in with the address: it was asked for all the same."""
    return _mail(PasswordReset, reset_id, _reset_message)


def mail_security(mail_id: int) -> bool:
    return _mail(SecurityMail, mail_id, _security_message)


def _mail(
    model: type[Mailed], pk: int, compose: Callable[[Mailed], EmailMultiAlternatives]
) -> bool:
    """Claim, send and mark one row. False when somebody else has it, or sending failed."""
    row = claim(model, pk)
    if row is None:
        return False
    message = compose(row)
    if message.recipients():
        try:
            message.send()
        except OSError as error:  # Sockets' and SMTP's errors alike.
            logger.warning("mail failed %s=%s error=%s", model.__name__, pk, type(error).__name__)
            return False
    else:
        logger.info("mail has no reader %s=%s", model.__name__, pk)
    _mark_sent(row)
    return bool(message.recipients())


def _mark_sent(row: Mailed) -> None:
    """Unless it is to be sent anew since it was claimed: an invitation whose link was renewed."""
    same = type(row).objects.filter(pk=row.pk, mail_due_at=row.mail_due_at)
    same.update(mail_due_at=None, mailed_at=clock.now())


def claim(model: type[Row], pk: int) -> Row | None:
    """The row, if it is due and nobody else has it: ours for a pause that grows with each try."""
    now = clock.now()
    row = model.objects.filter(
        pk=pk, mail_due_at__lte=now, created_at__gt=now - model.GIVE_UP_AFTER
    ).first()
    if row is None:
        return None
    pause = min(FIRST_PAUSE * 2 ** min(row.mail_attempts, 10), LONGEST_PAUSE)
    due = model.objects.filter(pk=pk, mail_due_at=row.mail_due_at)
    row.mail_due_at = now + pause
    claimed = due.update(mail_due_at=row.mail_due_at, mail_attempts=F("mail_attempts") + 1)
    return row if claimed else None


def _notification_message(notification: Notification) -> EmailMultiAlternatives:
    account = notification.account
    local = notification.created_at.astimezone(account.zone)
    context = {
        "account": account,
        "title": notification.title,
        "text": notification.text,
        "when": f"{local:%-d %b %Y, %H:%M %Z}",
        "link": absolute(notification.link),
        "action": "Open thinkrr billing",
    }
    message = _message(
        subject=f"{notification.title}: {account.name}",
        to=readers(notification),
        name="notification",
        context=context,
    )
    message.bcc = list(notification.also_to)
    return message


def preview(notification: Notification) -> EmailMultiAlternatives:
    """The mail of a notification, saved or not, as it would be sent now. Sends nothing."""
    return _notification_message(notification)


def readers(notification: Notification) -> list[str]:
    """The addresses of the account's people who get this mail."""
    members = Membership.objects.filter(account=notification.account, user__is_active=True)
    if notification.audience == Notification.Audience.NOBODY:
        return []
    if notification.audience == Notification.Audience.MANAGERS:
        members = members.filter(role__in=[Role.OWNER, Role.ADMIN])
    topic = mail_topics.topic_of(notification.kind)
    if topic and notification.level != Level.DANGER:
        members = members.exclude(user__muted__contains=[topic])
    return list(members.values_list("user__email", flat=True).order_by("user__email"))


def _alert_message(alert: StaffAlert) -> EmailMultiAlternatives:
    staff = User.objects.filter(is_staff=True, is_active=True).values_list("email", flat=True)
    to = sorted({*staff, *(address for _, address in settings.ADMINS)})
    context = {"alert": alert, "when": f"{alert.created_at:%-d %b %Y, %H:%M %Z}"}
    return _message(subject=f"[support] {alert.kind}", to=to, name="alert", context=context)


def _invitation_message(invitation: Invitation) -> EmailMultiAlternatives:
    """To a stranger: the subject is ours, and names are all that it says of the sender's."""
    context = {
        "inviter": names.in_mail(invitation.invited_by.name if invitation.invited_by else ""),
        "account": names.in_mail(invitation.account.name),
        "role": invitation.get_role_display(),
        "expires_at": invitation.expires_at,
        "link": absolute(invitation.path),
        "action": "Accept the invitation",
    }
    return _message(
        subject="You are invited to thinkrr billing",
        to=[invitation.email],
        name="invitation",
        context=context,
    )


def _reset_message(reset: PasswordReset) -> EmailMultiAlternatives:
    person = User.objects.filter(email=reset.email, is_active=True).first()
    if person is None or not person.has_usable_password():
        return EmailMultiAlternatives()
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    token = default_token_generator.make_token(person)
    path = reverse("accounts:password_reset_confirm", args=[uid, token])
    context = {"email": person.email, "link": absolute(path), "action": "Choose a new password"}
    return _message(
        subject="Choose a new password for thinkrr billing",
        to=[person.email],
        name="password_reset",
        context=context,
    )


def _security_message(mail: SecurityMail) -> EmailMultiAlternatives:
    context = {
        "title": mail.get_kind_display(),
        "text": security.sentence(mail),
        "mail": mail,
        "when": f"{mail.created_at:%-d %b %Y, %H:%M} UTC",
        "link": absolute(reverse("accounts:security")),
        "action": "Open Security",
    }
    to = [mail.user.email] if mail.user.is_active else []
    return _message(subject=context["title"], to=to, name="security", context=context)


def _message(*, subject: str, to: list[str], name: str, context: dict) -> EmailMultiAlternatives:
    return compose(subject=subject, to=to, template=f"accounts/mail/{name}", context=context)


def compose(*, subject: str, to: list[str], template: str, context: dict) -> EmailMultiAlternatives:
    """A mail of ours as text and as HTML: the templates `template`.txt and .html."""
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),  # A line break in a name must not add a header.
        body=render_to_string(f"{template}.txt", context),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=to,
    )
    message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    return message


def absolute(path: str) -> str:
    """A path of ours as a link in a mail."""
    return f"{settings.SITE_URL.rstrip('/')}{path or '/'}"


def _list_of(model: type[Mailed], kind: str, of: Of) -> Queue:
    """Its own list: `claim` takes the turns. For the figures and the books."""
    return Queue(
        kind=kind,
        rows=lambda now: model.objects.filter(created_at__gt=now - model.GIVE_UP_AFTER),
        column="mail_due_at",
        bound=OVERDUE_MOST,
        of=of,
    )


WAITING = {
    model: _list_of(model, kind, of)
    for model, kind, of in (
        (PasswordReset, "reset_mail", Of.EVERYBODY),
        (SecurityMail, "security_mail", Of.EVERYBODY),
        (Notification, "notification_mail", Of.ACCOUNTS),
        (StaffAlert, "alert_mail", Of.BOTH),
        (Invitation, "invitation_mail", Of.ACCOUNTS),
    )
}

_SENDERS: dict[type[Mailed], Callable[[int], bool]] = {
    # First: somebody waits for it.
    PasswordReset: mail_password_reset,
    SecurityMail: mail_security,
    Notification: mail_notification,
    StaffAlert: mail_staff_alert,
    Invitation: mail_invitation,
}
