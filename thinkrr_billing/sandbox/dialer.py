"""A voice platform in small: starts invented calls, and reports them when they end, through the
HTTP API like the real one. It asks before it starts a call and obeys the campaigns' status."""

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from thinkrr_billing.sandbox.http_api import Api, Unreachable

# Short, so that an hour of them costs what a few cards can pay. Seconds, from and to.
OUTCOMES = {
    "completed": (55, 8, 60),
    "no_answer": (20, 4, 15),
    "left_message": (14, 8, 25),
    "no_message": (7, 3, 8),
    "failed": (2, 0, 0),
    "issue_dialing": (2, 0, 0),
}
POLL_EVERY_SECONDS = 3.0
CALLS_PER_REPORT = 1_000
# Calls that could not be started wait for at most this many seconds' worth of their rate.
BACKLOG_SECONDS = 2.0


@dataclass(order=True)
class Running:
    """A call in progress, in the order in which they end."""

    ends_at: float
    id: str = field(compare=False)
    account: str = field(compare=False)
    campaign: str = field(compare=False)
    minute_type: str = field(compare=False)
    began_at: float = field(compare=False)
    seconds: int = field(compare=False)
    outcome: str = field(compare=False)


@dataclass(frozen=True)
class Started:
    """A campaign that makes calls now."""

    account: str
    id: str
    minute_type: str


class Dialer:
    """Make `rate` calls a second for these accounts, one `second()` at a time."""

    def __init__(
        self, *, api: Api, accounts: list[str], rate: float, seed: int, complain: Callable
    ) -> None:
        self._api, self._accounts, self._rate = api, accounts, rate
        # Invented calls are no secret.
        self._random = random.Random(seed)
        self._complain = complain
        self._run = f"sim-{int(time.time()):x}-{self._random.randrange(16**4):04x}"
        self._campaigns: dict[str, dict[str, dict]] = {account: {} for account in accounts}
        # The sequence read last, by account.
        self._after: dict[str, int] = {}
        self._polled_at = 0.0
        self._running: list[Running] = []
        self._ended: list[Running] = []
        self._owed = 0.0
        self._numbers = 0
        self.totals: Counter[str] = Counter()
        # Dollars of credit, as the answers said.
        self.cost = Decimal(0)

    @property
    def paused_for_low_balance(self) -> int:
        found = [one for mine in self._campaigns.values() for one in mine.values()]
        return sum(one["pause_reason"] == "low_balance" for one in found)

    def second(self, *, elapsed: float) -> None:
        """Do what is due: look at the campaigns, report what ended, start what may start."""
        try:
            self._poll()
            self._collect_ended(time.time())
            self._report()
            self._start(elapsed)
        except Unreachable as error:
            # The ids stay the same, so that nothing is charged twice when it is sent again.
            self.totals["unreachable"] += 1
            self._complain(f"no answer, trying again: {error}")

    def hang_up(self) -> None:
        """End all calls now, and report them."""
        self._collect_ended(time.time(), all_of_them=True)
        try:
            self._report()
        except Unreachable as error:
            self._complain(f"{len(self._ended)} calls could not be reported: {error}")

    def _poll(self) -> None:
        if time.monotonic() < self._polled_at + POLL_EVERY_SECONDS:
            return
        self._polled_at = time.monotonic()
        for account in self._accounts:
            after = self._after.get(account, 0)
            answer = self._api.get("campaigns", account=account, after=str(after))
            if answer.status != 200:
                self._complain(f"campaigns of {account}: {answer.message}")
                continue
            for campaign in answer.body["results"]:
                self._campaigns[account][campaign["id"]] = campaign
                self._after[account] = campaign["sequence"]

    def _collect_ended(self, now: float, *, all_of_them: bool = False) -> None:
        while self._running and (all_of_them or self._running[0].ends_at <= now):
            call = heapq.heappop(self._running)
            if call.ends_at > now:
                call.seconds = int(now - call.began_at)
                call.ends_at = now
            self._ended.append(call)

    def _report(self) -> None:
        while self._ended:
            part = self._ended[:CALLS_PER_REPORT]
            answer = self._api.post("calls", {"calls": [_report_of(call) for call in part]})
            if answer.status in (409, 503):
                # Others were writing the same rows. Nothing was recorded.
                self.totals["busy"] += 1
                return
            del self._ended[: len(part)]
            self.totals["reported"] += len(part)
            if answer.status != 200:
                self.totals["rejected"] += len(part)
                self._complain(f"a report of {len(part)} calls was refused: {answer.message}")
                continue
            for result in answer.body["results"]:
                self.totals[result["status"]] += 1
                self.cost += Decimal(result.get("cost", 0))
                if error := result.get("error"):
                    self._complain(f"call {result['id']} was rejected: {error['message']}")

    def _start(self, elapsed: float) -> None:
        self._owed = min(self._owed + self._rate * elapsed, self._rate * BACKLOG_SECONDS + 1)
        started = [
            Started(account, campaign["id"], campaign["minute_type"])
            for account, mine in self._campaigns.items()
            for campaign in mine.values()
            if campaign["status"] == "started"
        ]
        if not started:
            return
        chosen = Counter(self._random.choices(started, k=int(self._owed)))
        live = Counter((call.account, call.minute_type) for call in self._running)
        for campaign, wanted in chosen.items():
            kind = (campaign.account, campaign.minute_type)
            longest = self._may_start(campaign, live[kind] + wanted - 1)
            if not longest:
                self.totals["held"] += wanted
                continue
            live[kind] += wanted
            self._owed -= wanted
            for _ in range(wanted):
                heapq.heappush(self._running, self._call(campaign, longest))

    def _may_start(self, campaign: Started, live: int) -> int:
        """How many seconds each may last when the last of the wanted calls starts, too; 0: no."""
        asked = {"account": campaign.account, "campaign": campaign.id, "live": live}
        answer = self._api.post("calls/authorize", asked)
        if answer.status != 200:
            self._complain(f"authorize {campaign.id}: {answer.message}")
            return 0
        return answer.body["seconds"] if answer.body["allowed"] else 0

    def _call(self, campaign: Started, longest: int) -> Running:
        self._numbers += 1
        weights = [weight for weight, _, _ in OUTCOMES.values()]
        outcome = self._random.choices(list(OUTCOMES), weights)[0]
        _, shortest, most = OUTCOMES[outcome]
        seconds = min(self._random.randint(shortest, most), longest)
        now = time.time()
        return Running(
            ends_at=now + seconds,
            id=f"{self._run}-{self._numbers}",
            account=campaign.account,
            campaign=campaign.id,
            minute_type=campaign.minute_type,
            began_at=now,
            seconds=seconds,
            outcome=outcome,
        )


def _report_of(call: Running) -> dict[str, object]:
    return {
        "id": call.id,
        "account": call.account,
        "campaign": call.campaign,
        "seconds": call.seconds,
        "ended_at": datetime.fromtimestamp(call.ends_at, UTC).isoformat(),
        "outcome": call.outcome,
    }
