"""What the pages are measured with: an agency with a year of calls, recharges and sub-accounts, and
an account that makes ten thousand calls a day."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from django.db import connection

from accounts import clock
from accounts.models import Account, Membership, Notification, Role, User
from accounts.people import opening
from campaigns import calls, usage_days
from campaigns.models import Campaign, UsageKept
from campaigns.reports import Report
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, AutoAllocation, AutoRecharge, Purchase, Wallet
from wallets.months import due_date

DAYS = 365
BATCHES_A_DAY, CALLS_A_BATCH = 4, 30
CAMPAIGNS, RECHARGES = 20, 100
SUB_ACCOUNTS, NOTIFICATIONS = 500, 500
# Of each sub-account: five thousand a day in all.
SUB_CALLS, SUB_DAYS = 400, 40
BUSY_CALLS_A_DAY = 10_000
# Of the busy account's year so many days have calls, the ones before are kept already.
BUSY_DAYS = 80
ENTRIES = """
INSERT INTO wallets_ledgerentry
  (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT wallet, 'credit', CASE WHEN step %% 400 = 0 THEN 99.75 ELSE -0.25 END, 100,
  CASE WHEN step %% 400 = 0 THEN 'adjustment' ELSE 'calls' END, 'made-up:' || wallet || ':' || step,
  '', m.moment, m.moment
FROM generate_series(1, %(entries)s) AS step
CROSS JOIN LATERAL (SELECT now() - step * %(minutes)s * interval '1 minute' AS moment) AS m
CROSS JOIN unnest(%(wallets)s::bigint[]) AS wallet
"""
# As a ledger is: an entry is never numbered before an earlier one.
IN_ORDER = """
UPDATE wallets_ledgerentry AS e SET id = n.latest + n.place
FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS place, max(id) OVER () AS latest
      FROM wallets_ledgerentry) AS n WHERE n.id = e.id
"""
MADE_UP_CALLS = """
INSERT INTO campaigns_call
  (reporter, batch, created_at, external_id, account_id, campaign_id, minute_type_sent, minute_type,
   seconds, ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost)
SELECT '00000000-0000-0000-0000-000000000000', gen_random_uuid(), m.moment,
       gen_random_uuid()::text, a.id, a.campaign, '', 'premium', 60, m.moment,
       (ARRAY['completed', 'no_answer', 'left_message'])[1 + step %% 3], 0, 60, 0, 0
FROM unnest(%(accounts)s::uuid[], %(campaigns)s::bigint[]) AS a (id, campaign)
CROSS JOIN generate_series(1, %(calls)s) AS step
CROSS JOIN LATERAL (SELECT now() - step * %(days)s * interval '1 day' / %(calls)s AS moment) AS m
"""
MADE_UP_DAYS = """
INSERT INTO campaigns_usageday
  (account_id, day, begins_at, ends_at, campaign_id, minute_type, outcome, calls, seconds,
   included_seconds, premium_seconds, basic_seconds, cost)
SELECT a.id, day, day, day + interval '1 day', a.campaign, 'premium', outcome, 170, 10200, 0, 10200,
       0, 0
FROM unnest(%(accounts)s::uuid[], %(campaigns)s::bigint[]) AS a (id, campaign)
CROSS JOIN generate_series(%(since)s::timestamptz, %(until)s::timestamptz, interval '1 day') AS day
CROSS JOIN unnest(ARRAY['completed', 'no_answer', 'left_message']) AS outcome
"""


def build() -> tuple[Account, Account, Account]:
    """An agency, its first sub-account, and a busy account of a single person."""
    agency = _agency()
    subs = _sub_accounts(agency)
    campaigns = _a_year_of_calls(agency)
    _pause_half(campaigns)
    _entries([agency.wallet.pk], entries=262_800, minutes=2)
    _entries([one.wallet.pk for one in subs], entries=250, minutes=2_000)
    _recharges(agency)
    made = [_campaign(one) for one in subs]
    _made_up(subs, [one.pk for one in made], calls=SUB_CALLS, days=SUB_DAYS)
    busy = _busy_account()
    _past_triggers(IN_ORDER, {})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL ANALYZE")
    return agency, subs[0], busy


def _agency() -> Account:
    owner = User.objects.create_user("bench@example.com")
    agency = opening.open_agency(name="A year of calls", owner=owner, timezone="America/New_York")
    wallet = open_wallet(account=agency)
    AutoRecharge.objects.filter(wallet=wallet).update(enabled=True)
    Notification.objects.bulk_create(
        Notification(account=agency, kind="bench", title=f"{number}", text="One more thing.")
        for number in range(NOTIFICATIONS)
    )
    return agency


def _sub_accounts(agency: Account) -> list[Account]:
    accounts = Account.objects.bulk_create(
        Account(kind="sub_account", agency=agency, name=f"Sub-account {number}", timezone="UTC")
        for number in range(SUB_ACCOUNTS)
    )
    wallets = Wallet.objects.bulk_create(Wallet(account=account) for account in accounts)
    AutoRecharge.objects.bulk_create(AutoRecharge(wallet=wallet) for wallet in wallets)
    allocated = AutoAllocation.objects.bulk_create(
        AutoAllocation(
            account=account,
            agency=agency,
            basic_minutes=500,
            premium_minutes=100,
            payment_method="pm_bench",
            anchor_date=clock.now().date() - timedelta(days=DAYS),
            active=True,
        )
        for account in accounts
    )
    AllocationRun.objects.bulk_create(
        run for number, one in enumerate(allocated) for run in _a_year_of_months(one, number)
    )
    _a_year_of_charges(wallets[0])
    owner = User.objects.create_user("bench-sub@example.com")
    Membership.objects.create(user=owner, account=accounts[0], role=Role.OWNER)
    return accounts


def _a_year_of_months(allocation: AutoAllocation, number: int) -> Iterator[AllocationRun]:
    """Every month is paid; the latest of every tenth sub-account is still tried again."""
    for month in range(13):
        retried = month == 12 and number % 10 == 0
        yield AllocationRun(
            allocation=allocation,
            period=due_date(allocation.anchor_date, month),
            basic_minutes=500,
            premium_minutes=100,
            basic_rate="0.09",
            premium_rate="0.16",
            amount_cents=6_100,
            charged_cents=None if retried else 6_100,
            state="due" if retried else "paid",
            attempts=int(retried),
            next_attempt_at=clock.now() + timedelta(hours=1) if retried else None,
        )


def _a_year_of_charges(wallet: Wallet) -> None:
    """What a sub-account's calls took, in as many entries as the agency's."""
    begin = clock.now() - timedelta(days=DAYS)
    for step in range(DAYS * BATCHES_A_DAY):
        with clock.at(begin + timedelta(hours=step * 24 / BATCHES_A_DAY)):
            movement = ledger.Movement(
                wallet_id=wallet.pk,
                pot="credit",
                amount=Decimal("-1.50"),
                kind="calls",
                key=f"bench-{step}",
            )
            ledger.post(movements=[movement])


def _pause_half(campaigns: list[Campaign]) -> None:
    """After the calls, which only started ones make."""
    paused = [one.pk for one in campaigns[::2]]
    Campaign.objects.filter(pk__in=paused).update(
        status="paused", pause_reason="low_balance", paused_at=clock.now()
    )


def _a_year_of_calls(agency: Account) -> list[Campaign]:
    campaigns = Campaign.objects.bulk_create(
        Campaign(
            account=agency,
            external_id=f"bench-{number}",
            name=f"Campaign {number}",
            minute_type=("premium", "basic")[number % 2],
            status="started",
        )
        for number in range(CAMPAIGNS)
    )
    begin = clock.now() - timedelta(days=DAYS)
    for step in range(DAYS * BATCHES_A_DAY):
        with clock.at(begin + timedelta(hours=step * 24 / BATCHES_A_DAY)):
            if step % (BATCHES_A_DAY * 3) == 0:
                _top_up(agency.wallet.pk, step)
            calls.record(reports=_batch(agency, campaigns, step), reporter=None)
    # As the nights have.
    usage_days.keep(account=agency, today=agency.local_date(clock.now()))
    return campaigns


def _top_up(wallet_id: int, step: int) -> None:
    movement = ledger.Movement(
        wallet_id=wallet_id,
        pot="credit",
        amount=Decimal(150),
        kind="adjustment",
        key=f"bench-{step}",
    )
    ledger.post(movements=[movement])


def _entries(wallets: list[int], *, entries: int, minutes: int) -> None:
    """So many entries of each wallet, one every so many minutes, as of single calls."""
    _past_triggers(ENTRIES, {"wallets": wallets, "entries": entries, "minutes": minutes})


def _past_triggers(statement: str, asked: dict[str, object]) -> None:
    """Past those that keep running balances: nobody checks these books."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, asked)
        cursor.execute("SET session_replication_role = origin")


def _batch(agency: Account, campaigns: list[Campaign], step: int) -> list[Report]:
    return [
        Report(
            id=f"bench-{step}-{number}",
            account=str(agency.pk),
            seconds=20 + (step * 7 + number * 13) % 60,
            campaign=campaigns[(step + number) % CAMPAIGNS].external_id,
            minute_type=None,
            ended_at=clock.now() - timedelta(seconds=number + 1),
            outcome="completed",
        )
        for number in range(CALLS_A_BATCH)
    ]


def _recharges(agency: Account) -> None:
    """A receipt each few days, and the declined tries among them."""
    wallet, now = agency.wallet, clock.now()
    Purchase.objects.bulk_create(
        Purchase(
            payer=agency,
            wallet=wallet,
            purpose=("auto_recharge", "recharge")[number % 2],
            amount_cents=5000,
            buys="credit",
            payment_method="pm_bench",
            card="Visa •••• 4242",
            payment_intent=f"pi_bench_{number}",
            attempts=1,
            state="declined" if number % 10 == 9 else "succeeded",
            receipt_number=None if number % 10 == 9 else number + 1,
            created_at=now - timedelta(days=DAYS * number / RECHARGES, hours=3),
            submitted_at=now - timedelta(days=DAYS * number / RECHARGES, hours=3),
            closed_at=now - timedelta(days=DAYS * number / RECHARGES, hours=3),
        )
        for number in range(RECHARGES)
    )


def _campaign(account: Account) -> Campaign:
    return Campaign.objects.create(
        account=account,
        external_id=f"made-up-{account.pk}",
        name="Made up",
        minute_type="premium",
        status="started",
    )


def _made_up(accounts: list[Account], campaigns: list[int], *, calls: int, days: int) -> None:
    """So many calls of each account, evenly over so many days until now; past the triggers."""
    asked = {
        "accounts": [one.pk for one in accounts],
        "campaigns": campaigns,
        "calls": calls,
        "days": days,
    }
    _past_triggers(MADE_UP_CALLS, asked)
    for one in accounts:
        usage_days.keep(account=one, today=one.local_date(clock.now()))


def _busy_account() -> Account:
    """Ten thousand calls a day of twenty campaigns; the days before BUSY_DAYS are kept."""
    owner = User.objects.create_user("bench-busy@example.com")
    busy = opening.open_individual(name="Busy", owner=owner, timezone="UTC")
    open_wallet(account=busy)
    campaigns = Campaign.objects.bulk_create(
        Campaign(
            account=busy,
            external_id=f"busy-{number}",
            name=f"Busy {number}",
            minute_type="premium",
            status="started",
        )
        for number in range(CAMPAIGNS)
    )
    _made_up([busy], [campaigns[0].pk], calls=BUSY_CALLS_A_DAY * BUSY_DAYS, days=BUSY_DAYS)
    kept = UsageKept.objects.get(account=busy)
    asked = {
        "accounts": [busy.pk] * CAMPAIGNS,
        "campaigns": [one.pk for one in campaigns],
        "since": kept.begins_at - timedelta(days=DAYS - BUSY_DAYS),
        "until": kept.begins_at - timedelta(days=1),
    }
    with connection.cursor() as cursor:
        cursor.execute(MADE_UP_DAYS, asked)
    _entries([busy.wallet.pk], entries=52_560, minutes=10)
    return busy
