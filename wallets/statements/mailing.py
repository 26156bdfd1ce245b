"""Mailing papers to billing addresses: each once, as a PDF.

Receipts and credit notes are put on the list by triggers, in the transaction that makes them true
(migration 0041); a month's statement here, once the month is over where the account is. A worker
claims a row before it sends. One that dies between sending and marking sends the same message
once more, under the same Message-ID, by which mail programs know it.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime
from smtplib import SMTPRecipientsRefused
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet

from accounts import clock
from accounts.runtime.queues import BATCH, SWEEP_SECONDS, Queue, awake
from accounts.runtime.waits import Wait, oldest
from accounts.telling import mails, names
from accounts.telling.notifications import alert_staff
from wallets import limits, links
from wallets.charging import parties
from wallets.models import BillingAddress, PaperMail, Purchase
from wallets.months import due_date
from wallets.statements import addresses, monthly, papers, receipt_pdf
from wallets.statements.receipt_pdf import Receipt

logger = logging.getLogger(__name__)

Kind = PaperMail.Kind


def _waiting(now: datetime) -> QuerySet[PaperMail]:
    return PaperMail.objects.filter(
        awake(now), mail_due_at__lte=now, created_at__gt=now - PaperMail.GIVE_UP_AFTER
    )


def _due(now: datetime) -> QuerySet[BillingAddress]:
    wanted = BillingAddress.objects.reached().filter(wants_statements=True)
    return wanted.filter(statement_due_at__lte=now)


TO_MAIL = Queue(kind="paper_mail", rows=_waiting)
Wait(
    kind="statement_unposted",
    since=lambda: oldest(_due(clock.now()), "statement_due_at"),
    bound=limits.STATEMENTS_POSTED_WITHIN,
)


def work() -> Iterator[int]:
    """Post the statements that are due, give up what is too old, hand out what is to be sent."""
    post_statements()
    mails.give_up(PaperMail, kind=TO_MAIL.kind)
    return TO_MAIL.take()


def post_statements() -> int:
    """Put the statements of months that are over on the list. Returns how many; safe to repeat."""
    ends, posted = time.monotonic() + SWEEP_SECONDS, 0
    while time.monotonic() < ends:
        found, more = _post_some()
        posted += more
        if not found:
            break
    return posted


@transaction.atomic
def _post_some() -> tuple[int, int]:
    """How many addresses were looked at, and how many statements are new."""
    now = clock.now()
    rows = _due(now).select_related("account").order_by("statement_due_at", "pk")
    found = list(rows.select_for_update(of=("self",), no_key=True, skip_locked=True)[:BATCH])
    new = []
    for address in found:
        # The account's zone may have moved since this was worked out.
        if addresses.due_at(address.account, address.statement_month) <= now:
            new.append(_statement(address, now))
            address.statement_month = due_date(address.statement_month, 1)
        address.statement_due_at = addresses.due_at(address.account, address.statement_month)
    PaperMail.objects.bulk_create(new, ignore_conflicts=True)
    BillingAddress.objects.bulk_update(found, ["statement_month", "statement_due_at"])
    return len(found), len(new)


def _statement(address: BillingAddress, now: datetime) -> PaperMail:
    return PaperMail(
        address=address,
        kind=Kind.STATEMENT,
        month=address.statement_month,
        created_at=now,
        look_at=now,
        mail_due_at=now,
    )


def mail(paper_id: int) -> bool:
    """Claim, draw, send and mark one. False when it is another's, is unwanted, or failed."""
    row = mails.claim(PaperMail, paper_id)
    if row is None:
        return False
    is_wanted = _is_wanted(row)
    if is_wanted and _awaits_seller(row):
        return False
    message = _message(row) if is_wanted else None
    if message is None:
        PaperMail.objects.filter(pk=row.pk).update(mail_due_at=None)
        return False
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        _refused(row, error)
        return False
    except OSError as error:  # Sockets' and SMTP's errors alike.
        logger.warning("mail failed PaperMail=%s error=%s", row.pk, type(error).__name__)
        return False
    PaperMail.objects.filter(pk=row.pk).update(mail_due_at=None, mailed_at=clock.now())
    return True


def _is_wanted(row: PaperMail) -> bool:
    """Whether the address is still on the list."""
    rows = BillingAddress.objects
    on = rows.kept() if row.kind == Kind.CONFIRMATION else rows.reached()
    return on.filter(pk=row.address_id).exists()


def _awaits_seller(row: PaperMail) -> bool:
    """Whether it would name no seller: then it is kept for a later try, and support is told."""
    if row.kind == Kind.CONFIRMATION:
        return False
    purchase = row.purchase or (row.reversal and row.reversal.purchase)
    both = parties.of(purchase or Purchase(payer=row.address.account))
    if both.seller_name:
        return False
    text = "Papers wait to be mailed: nobody has set who sells. Set the seller."
    alert_staff(kind="seller_not_set", text=text, dedupe_key="seller-not-set")
    return True


def _refused(row: PaperMail, error: SMTPRecipientsRefused) -> None:
    """Its mail server wants no mail for it: for good, when it says so again and again."""
    codes = [code for code, _ in error.recipients.values()]
    logger.warning("mail refused PaperMail=%s codes=%s", row.pk, codes)
    is_final = all(code >= 500 for code in codes)
    if is_final and row.mail_attempts + 1 >= limits.REFUSALS_OF_ADDRESS:
        why = "Its mail server says that there is no such address, or takes no mail for it."
        addresses.refuse(address_id=row.address_id, why=why)


def _message(row: PaperMail) -> EmailMultiAlternatives | None:
    """What is sent; None when there is no such paper after all."""
    if row.kind == Kind.CONFIRMATION:
        return _confirmation(row)
    drawn = _paper(row)
    if drawn is None:
        return None
    paper, path = drawn
    address = row.address
    account = names.in_mail(address.account.name)
    stop = mails.absolute(address.stop_path)
    message = mails.compose(
        subject=f"{paper.name} {paper.number}: {account}",
        to=[address.email],
        template="wallets/mail/paper",
        context={
            "account": account,
            "paper": paper,
            "is_void": row.kind == Kind.VOID,
            "stop": stop,
            "link": mails.absolute(path),
            "action": "Open it in thinkrr billing",
        },
    )
    message.attach(paper.file_name, receipt_pdf.draw(paper), "application/pdf")
    message.extra_headers |= {
        "Message-ID": _message_id(row),
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return message


def _confirmation(row: PaperMail) -> EmailMultiAlternatives:
    """To a stranger: the subject is ours, and names are all that it says of the sender's."""
    address = row.address
    context = {
        "account": names.in_mail(address.account.name),
        "wanted": _wanted(address),
        "days": limits.ADDRESS_CONFIRMED_WITHIN.days,
        "link": mails.absolute(address.confirm_path),
        "action": "Yes, send them here",
    }
    message = mails.compose(
        subject="Receipts by mail from thinkrr billing",
        to=[address.email],
        template="wallets/mail/confirm_address",
        context=context,
    )
    message.extra_headers["Message-ID"] = _message_id(row)
    return message


def _wanted(address: BillingAddress) -> str:
    chosen = (
        ("receipts and credit notes", address.wants_receipts),
        ("monthly statements", address.wants_statements),
    )
    return " and ".join(text for text, is_wanted in chosen if is_wanted)


def _message_id(row: PaperMail) -> str:
    return f"<paper-{row.pk}@{urlsplit(settings.SITE_URL).hostname}>"


def _paper(row: PaperMail) -> tuple[Receipt, str] | None:
    """What is printed, and the path of its page."""
    if row.kind == Kind.STATEMENT:
        return _drawn_statement(row)
    if row.kind == Kind.RECEIPT:
        path = links.receipt(row.purchase_id)
        return papers.receipt(row.purchase, address=mails.absolute(path)), path
    path = links.credit_note(row.reversal_id)
    return papers.credit_note(row.reversal, address=mails.absolute(path)), path


def _drawn_statement(row: PaperMail) -> tuple[Receipt, str] | None:
    """None when nothing ever moved, or nothing in this month of a closed account."""
    account = row.address.account
    month = monthly.month_of(account=account, first=row.month)
    moved = any(one.moved for one in month.pots)
    if not month.pots or (account.is_closed and not moved):
        return None
    path = links.statement(f"{row.month:%Y-%m}")
    return papers.statement(month, address=mails.absolute(path)), path
