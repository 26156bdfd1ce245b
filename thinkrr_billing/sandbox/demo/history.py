"""Lives the demo's ninety days: campaigns begin and end, calls are charged, cards pay.

Everything is decided and posted by the functions that production uses, at the clock of its day.
Only Stripe's part of automatic charges is brought to the sandbox in bulk, as intents that were
paid then; settling reads them there like any other.
"""

import random
from datetime import UTC, datetime, time, timedelta
from functools import partial

from django.db.models import QuerySet

from accounts import clock
from accounts.runtime.queues import Queue
from campaigns import calls, lifecycle, pausing, resuming
from campaigns.errors import CannotRun
from campaigns.models import Campaign
from campaigns.reports import Report
from thinkrr_billing.sandbox.demo import cast, people
from thinkrr_billing.sandbox.demo.people import Player
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.allocations import planning, runs
from wallets.balances import included
from wallets.charging import purchases
from wallets.models import AllocationRun, AutoRecharge, Purchase, Wallet
from wallets.recharges import auto_recharge, low_balance, low_minutes

# When the platform reports the day's calls, in UTC. Twice a day would show no more in more time.
REPORTED_AT = time(21, 30)
# The calls of a report ended within this long before it.
SPREAD = timedelta(hours=8)
# Dollars. No minute of any kind costs as much: with that in each wallet nobody is to be paused.
PAYS_A_MINUTE = 1
# Once in the ninety days a card is refused, and pays an hour later.
REFUSED_ON_DAY = 47

OUTCOMES = ("completed", "no_answer", "left_message", "no_message", "failed", "issue_dialing")
WEIGHTS = (52, 20, 14, 7, 4, 3)
SECONDS = {
    "completed": (35, 260),
    "no_answer": (8, 25),
    "left_message": (20, 45),
    "no_message": (6, 15),
    "failed": (0, 0),
    "issue_dialing": (0, 0),
}


SETTINGS = AutoRecharge.objects.all()


class History:
    """The past of all players, up to the last report before `end`."""

    def __init__(
        self, *, players: list[Player], sandbox: StripeSandbox, start: datetime, end: datetime
    ) -> None:
        self._players = players
        self._by_wallet = {player.wallet.pk: player for player in players}
        self._sandbox = sandbox
        self._start, self._end = start, end
        # The same past for everybody, whenever it is loaded.
        self._random = random.Random(20)
        self._to_start: dict[int, Player] = {}
        self._day = 0
        self._calls = 0
        self._refused = False

    def live(self, *, before_day: int = cast.DAYS + 1) -> None:
        """Play the days up to the given one, from where the last play ended."""
        while self._day < before_day:
            date = (self._start + timedelta(days=self._day)).date()
            moment = datetime.combine(date, REPORTED_AT, UTC)
            if self._start + timedelta(hours=2) < moment < self._end:
                with clock.at(moment):
                    self._turn_campaigns(self._day)
                    self._report(moment)
                self._pay(self._day, moment)
            self._day += 1

    def _turn_campaigns(self, day: int) -> None:
        """Register, start and end what begins or ends on this day."""
        for player in self._players:
            for number, run in enumerate(player.actor.runs, start=1):
                if run.first_day == day:
                    campaign = register(player, run, number)
                    if run.starts:
                        self._to_start[campaign.pk] = player
                if run.last_day == day and run.end:
                    _end(player, run, number)
        for campaign_id, player in list(self._to_start.items()):
            if _started(player, campaign_id):
                del self._to_start[campaign_id]

    def _report(self, moment: datetime) -> None:
        """Report the day's calls of every started campaign, as the voice platform does."""
        reports = []
        quiet = 0.3 if moment.weekday() >= 5 else 1.0
        started = Campaign.objects.started().filter(
            account__in=[player.account for player in self._players]
        )
        campaigns: dict[object, list[Campaign]] = {}
        for campaign in started.order_by("pk"):
            campaigns.setdefault(campaign.account_id, []).append(campaign)
        for player in self._players:
            mine = campaigns.get(player.account.pk, [])
            wanted = player.actor.calls_a_day * quiet * self._random.uniform(0.7, 1.3)
            for _ in range(round(wanted) if mine else 0):
                reports.append(self._call(player, self._random.choice(mine), moment))
        report(reports)

    def _call(self, player: Player, campaign: Campaign, moment: datetime) -> Report:
        outcome = self._random.choices(OUTCOMES, WEIGHTS)[0]
        self._calls += 1
        ago = SPREAD * self._random.random()
        return Report(
            id=f"demo-{self._calls:06}",
            account=str(player.account.pk),
            campaign=campaign.external_id,
            seconds=self._random.randint(*SECONDS[outcome]),
            ended_at=(moment - ago).replace(microsecond=0),
            outcome=outcome,
        )

    def _pay(self, day: int, moment: datetime) -> None:
        """What follows the report: automatic charges, people who recharge, the nightly work."""
        self._recharge_automatically(day, moment + timedelta(seconds=8))
        with clock.at(moment + timedelta(minutes=2)):
            if Wallet.objects.filter(credit__lt=PAYS_A_MINUTE).exists():
                pausing.sweep()
            tell_who_runs_low()
        later = moment + timedelta(minutes=25)
        with clock.at(later):
            self._recharge_by_hand(day, later)
        with clock.at(moment + timedelta(minutes=40)):
            included.reset_due()
        run_allocations(self._sandbox, moment + timedelta(minutes=50))

    def _recharge_automatically(self, day: int, moment: datetime) -> None:
        with clock.at(moment):
            claimed = [
                purchase
                for wallet_id in claim(auto_recharge.DUE, SETTINGS.exclude(due_since=None))
                if (purchase := auto_recharge.claim(wallet_id=wallet_id)[1])
            ]
        refused = None
        if claimed and day >= REFUSED_ON_DAY and not self._refused:
            self._refused, refused = True, claimed[0]
        import_paid(self._sandbox, claimed, moment, refused=refused)
        with clock.at(moment + timedelta(seconds=3)):
            for purchase in claimed:
                purchases.settle(payment_intent=intent_id(purchase))
        if refused:
            # Its first hold is over an hour later.
            self._recharge_automatically(day, moment + timedelta(minutes=65))

    def _recharge_by_hand(self, day: int, moment: datetime) -> None:
        """Whoever has no Auto-Recharge looks at the balance, pays, and resumes campaigns."""
        for wallet in Wallet.objects.filter(pk__in=self._by_wallet).order_by("pk"):
            player = self._by_wallet[wallet.pk]
            habit = player.actor.by_hand
            if habit is None or day > habit.last_day or _has_enough(wallet, habit):
                continue
            self._sandbox.set_clock(moment.timestamp())
            people.recharge(player, amount=habit.amount, buys=habit.buys)
            waiting = [one.campaign.pk for one in resuming.resumable(account=player.account)]
            if waiting:
                resuming.resume(campaign_ids=waiting, account=player.account, actor=player.owner)


def claim(queue: Queue, waiting: QuerySet) -> list:
    """One batch, which has room for all players. On most days nobody waits, and to see that costs
    a tenth of claiming."""
    return queue.claim() if waiting.exists() else []


def tell_who_runs_low() -> None:
    """What a sweep sends: people hear of a low balance, and of minutes that run out."""
    for wallet_id in claim(low_balance.UNTOLD, SETTINGS.exclude(low_since=None)):
        low_balance.tell(wallet_id=wallet_id)
    for wallet_id in claim(low_minutes.UNTOLD, SETTINGS.exclude(minutes_low_since=None)):
        low_minutes.tell(wallet_id=wallet_id)


def _has_enough(wallet: Wallet, habit: cast.ByHand) -> bool:
    """People look at what they buy: minutes, or credit."""
    if habit.buys == "credit":
        return wallet.credit.amount >= habit.below
    minutes = getattr(wallet, f"{habit.buys}_seconds") // 60
    return minutes >= 20 or wallet.credit.amount >= habit.below


def _started(player: Player, campaign_id: int) -> bool:
    """Whether the campaign runs now; one that cannot be paid is started another day."""
    try:
        lifecycle.start(campaign_id=campaign_id, account=player.account)
    except CannotRun:
        return False
    return True


def register(player: Player, run: cast.Run, number: int) -> Campaign:
    """Register an actor's campaign, as the voice platform does. Safe to repeat."""
    return lifecycle.save(
        account=player.account,
        external_id=_external_id(player, number),
        name=run.name,
        minute_type=run.minute_type,
    )


def _external_id(player: Player, number: int) -> str:
    return f"{player.owner.email.split('@')[0]}-{number}"


def _end(player: Player, run: cast.Run, number: int) -> None:
    by_owner = partial(lifecycle.pause, actor=player.owner)
    move = {"complete": lifecycle.complete, "ended": lifecycle.end, "manual": by_owner}
    campaign = lifecycle.find(account=player.account, external_id=_external_id(player, number))
    if campaign.status == Campaign.Status.NOT_STARTED:
        return
    move[run.end](campaign_id=campaign.pk, account=player.account)


def report(reports: list[Report]) -> None:
    """Report as the platform. Everything a demo says must be acceptable."""
    for result in calls.record(reports=reports, reporter=None):
        if result.error:
            raise RuntimeError(f"Demo call {result.id} was refused: {result.error.message}")


def intent_id(purchase: Purchase) -> str:
    return f"pi_demo{purchase.pk.hex}"


def import_paid(
    sandbox: StripeSandbox,
    claimed: list[Purchase],
    moment: datetime,
    *,
    refused: Purchase | None = None,
) -> None:
    """Bring these purchases to the sandbox as intents that were paid (one refused) at a moment."""
    if not claimed:
        return
    sandbox.import_(
        payment_intents=[
            {
                "id": intent_id(purchase),
                "created": int(moment.timestamp()),
                "customer": purchase.payer.stripe_customer,
                "payment_method": purchase.payment_method,
                "amount": purchase.amount_cents,
                "description": f"thinkrr {purchase.get_purpose_display()}",
                "metadata": {"purchase": str(purchase.pk), "purpose": purchase.purpose},
            }
            | (
                {"status": "failed", "decline_code": "insufficient_funds"}
                if purchase == refused
                else {}
            )
            for purchase in claimed
        ]
    )


def run_allocations(sandbox: StripeSandbox, moment: datetime) -> None:
    """One beat for the monthly allocations, at Stripe's clock of the same moment."""
    with clock.at(moment):
        planning.plan_due(now=moment)
        for run_id in claim(planning.DUE, AllocationRun.objects.filter(state="due")):
            sandbox.set_clock(moment.timestamp())
            runs.charge_run(run_id=run_id)
