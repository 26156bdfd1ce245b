"""What an agency writes to its sub-accounts: in the app and by mail, in its own words.

Bounded, without addresses of the web, and braked: our mails carry nobody's advertising."""

import re
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts import limits
from accounts.models import Account, AgencyNotice, User
from accounts.runtime import brakes
from accounts.runtime.brakes import Brake
from accounts.telling.notifications import notify
from wallets import links
from wallets.errors import InvalidAmount

_ADDRESS = re.compile(r"://|\bwww\.|\S@\S+\.\S", re.IGNORECASE)


def check(text: str) -> str:
    """The text on one line, as it is sent. Raises InvalidAmount."""
    text = " ".join(text.split())
    message = ""
    if not text:
        message = "Write what they should know."
    elif len(text) > limits.AGENCY_NOTICE_LENGTH:
        message = f"Write at most {limits.AGENCY_NOTICE_LENGTH} characters."
    elif not text.isprintable():
        message = "Write plain text, without control characters."
    elif _ADDRESS.search(text):
        message = "Write it without web or mail addresses: our mails carry no others than ours."
    if message:
        raise InvalidAmount(message, fields={"text": message})
    return text


def send(
    *, agency: Account, accounts: Sequence[Account], actor: User, text: str, form_key: UUID
) -> dict[str, str]:
    """Tell each of these sub-accounts, and say by name why one was not told.

    The same `form_key` again tells nobody twice, and goes on with those that were not told yet.
    At most `limits.AGENCY_NOTICES_A_DAY` in a day: raises TooMany or InvalidAmount.
    """
    text = check(text)
    with transaction.atomic():
        brakes.one_at_a_time(f"notices:{agency.pk}")
        if not AgencyNotice.objects.filter(agency=agency, form_key=form_key).exists():
            brakes.check([_a_day(agency)])
            AgencyNotice.objects.create(
                agency=agency, person=actor, text=text, told=len(accounts), form_key=form_key
            )
    refused = {}
    for account in accounts:
        if refusal := _refusal(agency, account):
            refused[account.name] = refusal
        else:
            _tell(agency, account, text, form_key)
    return refused


def _a_day(agency: Account) -> Brake:
    most = limits.AGENCY_NOTICES_A_DAY
    return Brake(
        rows=AgencyNotice.objects.filter(agency=agency),
        most=most,
        within=limits.DAY,
        refusal=f"{agency} sent {most} notices in a day. Go on tomorrow.",
    )


def _refusal(agency: Account, account: Account) -> str:
    if account.agency_id != agency.pk:
        return "is not your sub-account"
    return "is closed" if account.is_closed else ""


def _tell(agency: Account, account: Account, text: str, form_key: UUID) -> None:
    notify(
        account=account,
        kind="agency_notice",
        title=f"A message from {agency.name}",
        text=f"{agency.name} writes: “{text}”",
        dedupe_key=f"agency-notice:{form_key}",
        link=links.payments(),
    )
