"""Who gets an account's papers by mail: adding an address, confirming it, choosing and removing.

Doors have checked who may. Nothing is mailed to an address but one question until whoever reads it
has said yes.
"""

from collections.abc import Iterator
from datetime import date, datetime

from django.core import signing
from django.db import transaction
from django.db.models import Q

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.errors import Conflict, NotFound
from accounts.limits import DAY
from accounts.models import Account, Level, User
from accounts.runtime import brakes
from accounts.runtime.brakes import Brake
from accounts.runtime.nudges import nudge
from accounts.telling.notifications import notify
from wallets import limits, links
from wallets.errors import InvalidAmount
from wallets.models import BillingAddress, PaperMail
from wallets.months import beginning, due_date

GONE = "This link does not work any more. Ask whoever sends you their receipts for another."
NOTHING_CHOSEN = "Choose receipts, statements or both; or remove the address."
# What the list shows and saves of each.
CHOICE = ("wants_receipts", "wants_statements")


@transaction.atomic
def add(
    *, account: Account, email: str, receipts: bool, statements: bool, actor: User | None
) -> BillingAddress:
    """Ask this address whether it wants the account's papers. Mails it a link.

    Raises Conflict when it is there or the list is full, InvalidAmount when nothing was chosen,
    TooMany when more would be mailed than a stranger should get.
    """
    email = email.strip().lower()
    _check_choice(receipts=receipts, statements=statements)
    brakes.one_at_a_time(f"billing addresses:{account.pk}")
    kept = BillingAddress.objects.filter(account=account).kept()
    if kept.filter(email=email).exists():
        text = f"{email} is already on the list."
        raise Conflict(text, fields={"email": text})
    if kept.count() >= limits.BILLING_ADDRESSES:
        most = limits.BILLING_ADDRESSES
        raise Conflict(f"{most} addresses is the most. Remove one first; nothing was changed.")
    address = BillingAddress.objects.create(
        account=account,
        email=email,
        wants_receipts=receipts,
        wants_statements=statements,
        added_by=actor,
    )
    _ask(address)
    _tell(account, f"{actor or 'An API key'} added {email} to those who get papers by mail.")
    return address


@transaction.atomic
def send_link(*, account: Account, address_id: int) -> BillingAddress:
    """Mail the link again: it was lost, or the address was refused and works again."""
    address = _locked(account, address_id)
    if address.confirmed_at and not address.refused_at:
        raise Conflict(f"{address} is confirmed already. Nothing was sent.")
    _ask(address)
    return address


@transaction.atomic
def choose(
    *, account: Account, address_id: int, receipts: bool, statements: bool, seen: str = ""
) -> BillingAddress:
    """What it gets from now on. What waits to be mailed and is no longer wanted is not.

    `seen` marks the choice that was shown: others' newer one raises Overtaken.
    """
    address = _locked(account, address_id)
    _check_choice(receipts=receipts, statements=statements)
    begins = statements and not address.wants_statements
    with seen_before.guarding(address, fields=CHOICE, seen=seen):
        address.wants_receipts, address.wants_statements = receipts, statements
    if begins:
        _begin_statements(address)
    address.save(
        update_fields=["wants_receipts", "wants_statements", "statement_month", "statement_due_at"]
    )
    unwanted = Q(kind="statement") if not statements else Q()
    if not receipts:
        unwanted |= Q(kind__in=["receipt", "credit_note", "void"])
    if unwanted:
        _leave_out(address, unwanted)
    return address


@transaction.atomic
def remove(*, account: Account, address_id: int) -> BillingAddress:
    """It gets nothing more, and its links stop working. What waited is not mailed."""
    address = _locked(account, address_id)
    _end(address)
    return address


def to_confirm(*, token: str) -> BillingAddress:
    """The address whose link this is. Raises NotFound for one that is wrong, old or ended."""
    seconds = limits.ADDRESS_CONFIRMED_WITHIN.total_seconds()
    return _of_token(token, salt=BillingAddress.CONFIRM_SALT, max_age=seconds)


def to_stop(*, token: str) -> BillingAddress:
    """The address whose way out this is; it never gets old. Raises NotFound."""
    return _of_token(token, salt=BillingAddress.STOP_SALT)


@transaction.atomic
def confirm(*, token: str) -> BillingAddress:
    """Whoever reads it wants the papers: those from now on. Safe to repeat."""
    address = _locked(None, to_confirm(token=token).pk)
    if address.confirmed_at and not address.refused_at:
        return address
    address.confirmed_at, address.refused_at = clock.now(), None
    _begin_statements(address)
    address.save(
        update_fields=["confirmed_at", "refused_at", "statement_month", "statement_due_at"]
    )
    return address


@transaction.atomic
def stop(*, token: str) -> BillingAddress:
    """Whoever reads it wants no more. The account is told."""
    address = _locked(None, to_stop(token=token).pk)
    _end(address)
    _tell(address.account, f"{address} asked for no more papers, and was taken off the list.")
    return address


@transaction.atomic
def refuse(*, address_id: int, why: str) -> bool:
    """Mail nothing more to a dead address until it is confirmed again. Returns whether it was on.

    The account is told, with `why` as a sentence.
    """
    on = BillingAddress.objects.kept().filter(pk=address_id, refused_at=None)
    if not on.update(refused_at=clock.now()):
        return False
    address = BillingAddress.objects.select_related("account").get(pk=address_id)
    _leave_out(address, Q())
    text = (
        f"No more papers are mailed to {address}. {why} "
        "Mend the address, then send its link again; your papers are in Receipts."
    )
    _tell(address.account, text, level=Level.WARNING)
    return True


def _check_choice(*, receipts: bool, statements: bool) -> None:
    if not receipts and not statements:
        raise InvalidAmount(NOTHING_CHOSEN)


def _ask(address: BillingAddress) -> None:
    """Mail its link, counted: it may be a stranger's address."""
    sender = address.account.agency or address.account
    brakes.one_at_a_time(f"confirm:{address.email}", f"confirms:{sender.pk}")
    brakes.check(_brakes(sender=sender, email=address.email))
    PaperMail.objects.filter(address=address, kind="confirmation").update(mail_due_at=None)
    mail = PaperMail.objects.create(address=address, kind="confirmation", mail_due_at=clock.now())
    nudge("wallets.mail_paper", mail.pk)


def _brakes(*, sender: Account, email: str) -> Iterator[Brake]:
    asked = PaperMail.objects.filter(kind="confirmation")
    to_address = asked.filter(address__email=email)
    lost = (
        f"{email} was sent as many links as we send in a day. Ask them to look among unwanted "
        "mail, or send another tomorrow. Nothing was changed."
    )
    yield Brake(to_address, limits.CONFIRMATIONS_TO_ADDRESS_A_DAY, DAY, lost)
    of_sender = asked.filter(Q(address__account=sender) | Q(address__account__agency=sender))
    most = limits.CONFIRMATIONS_OF_ACCOUNT_A_DAY
    many = f"{sender} had {most} links sent in a day, with its sub-accounts. Go on tomorrow."
    yield Brake(of_sender, most, DAY, many)


def _begin_statements(address: BillingAddress) -> None:
    """Its first statement is this month's, once that is over."""
    account = address.account
    first = account.local_date(clock.now()).replace(day=1)
    address.statement_month, address.statement_due_at = first, due_at(account, first)


def due_at(account: Account, first: date) -> datetime:
    """When the statement of the month that begins on `first` may be drawn up."""
    return beginning(due_date(first, 1), account.zone) + limits.STATEMENT_AFTER


def _end(address: BillingAddress) -> None:
    address.removed_at = clock.now()
    address.save(update_fields=["removed_at"])
    _leave_out(address, Q())


def _leave_out(address: BillingAddress, which: Q) -> None:
    waiting = PaperMail.objects.filter(which, address=address, mail_due_at__isnull=False)
    waiting.update(mail_due_at=None)


def _locked(account: Account | None, address_id: int) -> BillingAddress:
    rows = BillingAddress.objects.kept().select_related("account__agency")
    rows = rows.select_for_update(of=("self",), no_key=True).filter(pk=address_id)
    found = (rows.filter(account=account) if account else rows).first()
    if found is None:
        raise NotFound(GONE if account is None else "This address is not on the list any more.")
    return found


def _of_token(token: str, *, salt: str, max_age: float | None = None) -> BillingAddress:
    try:
        pk, nonce = signing.loads(token, salt=salt, max_age=max_age)
    except (signing.BadSignature, ValueError):
        raise NotFound(GONE) from None
    rows = BillingAddress.objects.kept().select_related("account")
    found = rows.filter(pk=pk, nonce=nonce).first()
    if found is None:
        raise NotFound(GONE)
    return found


def _tell(account: Account, text: str, *, level: str = Level.INFO) -> None:
    notify(
        account=account,
        kind="billing_addresses_changed",
        title="Who gets papers by mail",
        text=text,
        level=level,
        link=links.billing_addresses(),
    )
