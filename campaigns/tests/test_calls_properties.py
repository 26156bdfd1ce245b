"""What holds for any calls on any wallet."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import calls
from campaigns.models import Call
from campaigns.tests.builders import make_report, make_wallet
from wallets.books import checking

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

RATES = {
    "premium": Decimal("0.16"),
    "basic": Decimal("0.09"),
    "premium_then_basic": Decimal("0.16"),
}
POTS = {
    "premium": ("included", "premium"),
    "basic": ("basic",),
    "premium_then_basic": ("included", "premium", "basic"),
}

usages = st.lists(
    st.tuples(
        st.sampled_from(sorted(RATES)),
        st.integers(0, 400),
        st.sampled_from(["completed", "no_answer", "failed"]),
    ),
    min_size=1,
    max_size=12,
)
pots = st.fixed_dictionaries({pot: st.integers(0, 900) for pot in ("included", "premium", "basic")})
any_calls = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def make_reports(wallet, wanted):
    return [
        make_report(wallet.account, minute_type=minute_type, seconds=seconds, outcome=outcome)
        for minute_type, seconds, outcome in wanted
    ]


def taken(reports):
    rows = {
        call.external_id: (
            call.included_seconds,
            call.premium_seconds,
            call.basic_seconds,
            call.cost,
        )
        for call in Call.objects.filter(external_id__in=[report.id for report in reports])
    }
    return [rows[report.id] for report in reports]


@given(pots=pots, wanted=usages)
@any_calls
def test_no_second_is_lost_and_none_is_charged_twice(pots, wanted):
    wallet = make_wallet(credit="3", **pots)
    left = {**pots, "credit": Decimal(3)}

    reports = make_reports(wallet, wanted)
    calls.record(reports=reports, reporter=None)

    for (minute_type, seconds, outcome), parts in zip(wanted, taken(reports), strict=True):
        rest = 0 if outcome == "failed" else seconds
        for pot, part in zip(("included", "premium", "basic"), parts[:3], strict=True):
            expected = min(rest, left[pot]) if pot in POTS[minute_type] else 0
            assert part == expected
            left[pot] -= part
            rest -= part
        price = (RATES[minute_type] * rest / 60).quantize(Decimal("0.000001"), ROUND_HALF_UP)
        assert parts[3] == price
        left["credit"] -= price
    wallet.refresh_from_db()
    assert left == {
        "included": wallet.included_seconds,
        "premium": wallet.premium_seconds,
        "basic": wallet.basic_seconds,
        "credit": wallet.credit.amount,
    }
    assert checking.check_all() == []


@given(pots=pots, wanted=usages, cut=st.integers(0, 12))
@any_calls
def test_how_calls_are_cut_into_batches_changes_nothing(pots, wanted, cut):
    whole, parts = make_wallet(**pots), make_wallet(**pots)
    in_one, in_two = make_reports(whole, wanted), make_reports(parts, wanted)

    calls.record(reports=in_one, reporter=None)
    calls.record(reports=in_two[:cut], reporter=None)
    # The second batch repeats some of the first, as a platform that lost an answer would.
    calls.record(reports=in_two[max(0, cut - 3) :], reporter=None)

    assert taken(in_one) == taken(in_two)
    whole.refresh_from_db()
    parts.refresh_from_db()
    assert whole.credit == parts.credit
