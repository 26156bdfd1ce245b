"""What the decision log says of monthly allocation: in the agency's log everything, in its
sub-account's only the minutes that arrived, without card or price."""

from accounts.models import Account
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.prices.amounts import dollars
from wallets.texts import minutes_text
from wallets.why import decisions
from wallets.why.codes import Allocation, Code
from wallets.why.decisions import Decision


def run_decided(run: AllocationRun, code: Code, **figures: object) -> None:
    """Write down what was decided about one month. Call with the sub-account's wallet locked."""
    minutes = minutes_text(basic=run.basic_minutes, premium=run.premium_minutes)
    known = {"period": run.period, "charge": dollars(run.amount_cents), "minutes": minutes}
    _to_agency(run.allocation, code, known | figures)


def not_charged(run: AllocationRun, decision: Decision) -> None:
    """Write down why a look at a month did not charge it."""
    if decision.code.logged:
        run_decided(run, decision.code, until=decision.figures.get("until"), error=run.error_text)


def charged(run: AllocationRun, purchase: Purchase) -> None:
    charge = dollars(purchase.amount_cents)
    run_decided(run, Allocation.CHARGED, charge=charge, card=purchase.card)
    minutes = minutes_text(basic=run.basic_minutes, premium=run.premium_minutes)
    allocation = run.allocation
    # The month, too: twice the same minutes are not one thing seen twice.
    received = {"minutes": minutes, "period": run.period}
    _write(allocation.account, Allocation.RECEIVED, allocation.agency, received)


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
            _entry(agency, Allocation.GIVEN, account, paid),
            _entry(account, Allocation.RECEIVED, agency, {"minutes": minutes}),
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
    _write(allocation.agency, code, allocation.account, figures)


def _write(reader: Account, code: Code, about: Account, figures: dict[str, object]) -> None:
    decisions.record(_entry(reader, code, about, figures))


def _entry(
    reader: Account, code: Code, about: Account, figures: dict[str, object]
) -> decisions.Entry:
    return decisions.Entry(
        wallet_id=open_wallet(account=reader).pk,
        code=code,
        about=str(about.pk),
        name=about.name,
        figures=figures,
    )
