"""Reports of finished calls: what they say, and whether their facts can be accepted.

Changes nothing. What becomes of accepted reports is decided in `campaigns.calls`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from accounts import clock
from accounts.models import Account
from accounts.runtime import statements
from accounts.runtime.columns import column, lines
from campaigns import limits
from campaigns.models import Call, MinuteUse
from wallets.balances import ledger, opening
from wallets.balances.ledger import Holding

OUTCOMES = frozenset(Call.Outcome.values)
MINUTE_TYPES = frozenset(MinuteUse.values)

REJECTIONS = {
    "bad_id": f"An id has 1 to {limits.EXTERNAL_ID_LENGTH} printable characters.",
    "unknown_account": "There is no such account.",
    "unknown_campaign": "The account has no such campaign.",
    "campaign_of_another_account": "The campaign belongs to another account.",
    "no_minute_type": "Send the campaign or the minute_type.",
    "unknown_minute_type": "minute_type is premium, basic or premium_then_basic.",
    "minute_type_mismatch": "The campaign uses another minute type. Leave minute_type out.",
    "unknown_outcome": f"outcome is one of {', '.join(Call.Outcome.values)}.",
    "seconds_out_of_range": f"seconds is 0 to {limits.CALL_MOST_SECONDS}.",
    "in_future": "ended_at is more than 5 minutes in the future.",
    "too_late": "ended_at is more than 35 days ago. Ask support to adjust.",
    "conflict": "This id was reported before with other facts. The first report stands.",
    "unavailable": "This account's calls cannot be recorded now, as while it is moved to another"
    " place. Send this one again in seconds: it is charged once.",
}

# What the API's document says of them: `invalid` is for what cannot be read at all.
REJECTION_CHOICES = [("invalid", "It cannot be read. The message says why."), *REJECTIONS.items()]

# Each by its own look into the index, however many there are: joined, the whole table would be
# read for a large batch.
# What the account does not have is looked for among all others, if that may be told: the next name
# in order is the index's first, while one that many have, and this one not, would cost a scan.
CAMPAIGNS = """
SELECT asked.place, found.id, found.minute_type,
    CASE WHEN %s::boolean AND found.id IS NULL THEN asked.external_id = (
        SELECT c.external_id FROM campaigns_campaign c WHERE c.external_id >= asked.external_id
        ORDER BY c.external_id LIMIT 1) END
FROM unnest(%s::uuid[], string_to_array(%s::text, chr(10)))
    WITH ORDINALITY AS asked (account_id, external_id, place)
LEFT JOIN LATERAL (
    SELECT c.id, c.minute_type FROM campaigns_campaign c
    WHERE c.account_id = asked.account_id AND c.external_id = asked.external_id OFFSET 0) AS found
    ON true
"""


def _documented(**words: object) -> msgspec.Meta:
    """What the API's document says of a field, and `judge_all` checks.

    Checked while decoding, it would refuse the whole batch for one bad call."""
    return msgspec.Meta(extra_json_schema=words)


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One finished call as the platform tells it. The API decodes straight into it."""

    id: Annotated[
        str,
        _documented(
            maxLength=limits.EXTERNAL_ID_LENGTH,
            description="The platform's own. The same id again is the same call.",
        ),
    ]
    account: Annotated[str, _documented(format="uuid", description="Whose call it was.")]
    seconds: Annotated[
        int,
        _documented(
            minimum=0,
            maximum=limits.CALL_MOST_SECONDS,
            description="How long it was. 0 is kept, and costs nothing.",
        ),
    ]
    # An offset is required: a call without one could be an hour away.
    ended_at: Annotated[datetime, msgspec.Meta(tz=True, description="With its offset.")]
    # The campaign's external id. It fixes the minute type.
    campaign: Annotated[
        str | None, _documented(description="The campaign's own id; it says which minutes count.")
    ] = None
    minute_type: Annotated[
        str | None,
        _documented(choices=MinuteUse.choices, description="Needed without a campaign."),
    ] = None
    outcome: Annotated[
        str, _documented(choices=Call.Outcome.choices, description="How the call ended.")
    ] = "completed"


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """A report whose facts are in order, and where they lead."""

    report: Report
    wallet: Holding
    campaign_id: int | None
    minute_type: str


class Campaigns(msgspec.Struct, frozen=True):
    """What there is of the campaigns that reports name."""

    # Id and minute type of each, by the account and the external id as they were reported.
    found: dict[tuple[str, str], tuple[int, str]]
    # Names that only other accounts have. For the platform: others may not learn.
    elsewhere: set[str]


def named_accounts(reports: Sequence[Report], reporter: Account | None) -> dict[str, UUID]:
    """The account each name means, of those the reporter may name. It may not exist."""
    named = {name: _uuid(name) for name in {report.account for report in reports}}
    return {
        name: pk for name, pk in named.items() if pk and (reporter is None or pk == reporter.pk)
    }


def ask_campaigns(
    reports: Sequence[Report], accounts: Mapping[str, UUID], *, tell_of_others: bool
) -> Callable[[], Campaigns]:
    """Look up every campaign the reports name, to be read later; `accounts` by their names."""
    named = {
        (report.account, report.campaign)
        for report in reports
        if report.campaign is not None
        and report.account in accounts
        and is_external_id(report.campaign)
    }
    if not named:
        return lambda: Campaigns({}, set())
    asked = list(named)
    values = [column(accounts[name].hex for name, _ in asked), lines(name for _, name in asked)]
    answer = statements.ask(CAMPAIGNS, [tell_of_others, *values])

    def read() -> Campaigns:
        found, elsewhere = {}, set()
        for place, pk, minute_type, is_elsewhere in answer.rows():
            if pk is not None:
                found[asked[place - 1]] = pk, minute_type
            elif is_elsewhere:
                elsewhere.add(asked[place - 1][1])
        return Campaigns(found, elsewhere)

    return read


def with_new_wallets(
    accounts: Mapping[str, UUID], found: Mapping[UUID, Holding]
) -> dict[str, Holding]:
    """The locked wallets that were `found`, each by the name of its account.

    An account that has none yet gets one; one that does not exist is left out.
    """
    wallets = {name: wallet for name, pk in accounts.items() if (wallet := found.get(pk))}
    if len(wallets) == len(accounts):
        return wallets
    # Made now, so last in the order of keys. Should somebody have made them just before us, and a
    # deadlock come of it or the same calls be charged, the batch is repeated as a whole.
    missing = set(accounts.values()) - found.keys()
    for account in Account.objects.filter(pk__in=missing):
        opening.open_wallet(account=account)
    made = ledger.lock_accounts(account_ids=missing)
    return wallets | {name: made[pk] for name, pk in accounts.items() if pk in made}


def bad_facts(reports: Sequence[Report]) -> list[str | None]:
    """The code of what is wrong with each report by itself."""
    now = clock.now()
    earliest, latest = now - limits.CALL_PAST, now + limits.CALL_FUTURE
    return [_bad_fact(report, earliest, latest) for report in reports]


def judge_all(
    reports: Sequence[Report],
    bad: Sequence[str | None],
    wallets: Mapping[str, Holding],
    campaigns: Campaigns,
) -> list[Accepted | str]:
    """Say of each report where it leads, or the code of why it cannot be accepted.

    `bad` are their `bad_facts`; `wallets` by the names of their accounts: those the reporter may
    use.
    """

    def judge(report: Report) -> Accepted | str:
        if (wallet := wallets.get(report.account)) is None:
            return "unknown_account"
        campaign_id, minute_type = None, report.minute_type
        if (name := report.campaign) is not None:
            found = campaigns.found.get((report.account, name))
            if found is None:
                elsewhere = name in campaigns.elsewhere
                return "campaign_of_another_account" if elsewhere else "unknown_campaign"
            campaign_id, minute_type = found
            if report.minute_type not in (None, minute_type):
                return "minute_type_mismatch"
        if minute_type is None:
            return "no_minute_type"
        return Accepted(report, wallet, campaign_id, minute_type)

    return [code or judge(report) for report, code in zip(reports, bad, strict=True)]


def _bad_fact(report: Report, earliest: datetime, latest: datetime) -> str | None:
    if not is_external_id(report.id):
        return "bad_id"
    if not 0 <= report.seconds <= limits.CALL_MOST_SECONDS:
        return "seconds_out_of_range"
    if report.outcome not in OUTCOMES:
        return "unknown_outcome"
    if report.minute_type is not None and report.minute_type not in MINUTE_TYPES:
        return "unknown_minute_type"
    if report.ended_at > latest:
        return "in_future"
    if report.ended_at < earliest:
        return "too_late"
    return None


def is_external_id(text: str) -> bool:
    """Whether it can be an id of the platform's: printable, not empty, not too long."""
    return 0 < len(text) <= limits.EXTERNAL_ID_LENGTH and text.isprintable()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def facts(report: Report) -> tuple:
    """What must be the same when a call is reported again, as KNOWN selects it."""
    return (
        _uuid(report.account),
        report.campaign or "",
        report.minute_type or "",
        report.seconds,
        report.ended_at,
        report.outcome,
    )
