"""What the decision log says of monthly allocation: in the agency's log everything, in its
sub-account's only the minutes that arrived, without card or price."""

from collections.abc import Sequence

from accounts.models import Account
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, AutoAllocation, Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.texts import minutes_text
from wallets.why import decisions
from wallets.why.codes import Allocation, Code
from wallets.why.decisions import Decision


def run_decided(run: AllocationRun, code: Code, **figures: object) -> None:
    """Write down what was decided about one month. Call with the sub-account's wallet locked."""
    _to_agency(run.allocation, code, _figures(run) | figures)


def _figures(run: AllocationRun) -> dict[str, object]:
    minutes = minutes_text(basic=run.basic_minutes, premium=run.premium_minutes)
    return {"period": run.period, "charge": dollars(run.amount_cents), "minutes": minutes}


def runs_made(made: Sequence[tuple[AllocationRun, Code]]) -> None:
    """Write down what was decided about months that were just made, with one statement: a month is
    made once, so that none is a repeat. Call with the sub-accounts' wallets locked."""
    agencies = {run.allocation.agency_id: run.allocation.agency for run, _ in made}
    opened = Wallet.objects.filter(account__in=agencies)
    wallet_ids = dict(opened.values_list("account_id", "pk"))
    for pk in agencies.keys() - wallet_ids.keys():
        wallet_ids[pk] = open_wallet(account=agencies[pk]).pk
    decisions.record_new(
        _entry(wallet_ids[run.allocation.agency_id], code, run.allocation.account, _figures(run))
        for run, code in made
    )


def not_charged(run: AllocationRun, decision: Decision) -> None:
    """Write down why a look at a month did not charge it."""
    if decision.code.logged:
        run_decided(run, decision.code, until=decision.figures.get("until"), error=run.error_text)


def charged(run: AllocationRun, purchase: Purchase) -> None:
    charge = dollars(purchase.amount_cents)
    run_decided(run, Allocation.CHARGED, charge=charge, card=purchase.card)
    minutes = minutes_text(basic=run.basic_minutes, premium=run.premium_minutes)
    # The month, too: twice the same minutes are not one thing seen twice.
    received = {"minutes": minutes, "period": run.period}
    agency = run.allocation.agency
    decisions.record(_entry(purchase.wallet_id, Allocation.RECEIVED, agency, received))


def given(purchase: Purchase) -> None:
    """Minutes given once. Two gifts alike are two: nothing is counted on the one before."""
    minutes = minutes_text(basic=purchase.basic_minutes, premium=purchase.premium_minutes)
    agency, account = purchase.payer, purchase.wallet.account
    paid = {
        "minutes": minutes,
        "charge": dollars(purchase.amount_cents),
        "card": purchase.card,
        "by": purchase.requested_by or "the API",
    }
    decisions.record_new(
        [
            _entry(open_wallet(account=agency).pk, Allocation.GIVEN, account, paid),
            _entry(purchase.wallet_id, Allocation.RECEIVED, agency, {"minutes": minutes}),
        ]
    )


def failed(run: AllocationRun) -> None:
    until = run.next_attempt_at
    run_decided(
        run,
        Allocation.FAILED if until else Allocation.FAILED_FOR_GOOD,
        error=run.error_text,
        until=until,
    )


def stopped(allocation: AutoAllocation, actor: object) -> None:
    _to_agency(allocation, Allocation.STOPPED, {"by": actor or "the API"})


def _to_agency(allocation: AutoAllocation, code: Code, figures: dict[str, object]) -> None:
    agency, account = allocation.agency, allocation.account
    decisions.record(_entry(open_wallet(account=agency).pk, code, account, figures))


def _entry(
    wallet_id: int, code: Code, about: Account, figures: dict[str, object]
) -> decisions.Entry:
    return decisions.Entry(
        wallet_id=wallet_id, code=code, about=str(about.pk), name=about.name, figures=figures
    )
