import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification
from accounts.runtime.first_rows import first, first_of_several
from accounts.runtime.of_one import of_one
from accounts.tests.builders import make_individual
from accounts.tests.runtime.test_of_one import tell
from tests.plans import rows_read_by

pytestmark = pytest.mark.django_db


def test_the_first_rows_are_those_of_a_slice_with_what_is_joined_and_added():
    one, other = make_individual(), make_individual()
    tell(5, one, other)
    rows = Notification.objects.filter(of_one("account", one.pk), title="Recharged")
    rows = rows.select_related("account").annotate(twice=F("pk") * 2).order_by("-twice")

    for most in (0, 1, 3, 5, 9):
        assert first(rows, most) == list(rows[:most])
    [newest, *_] = first(rows, 1)
    with CaptureQueriesContext(connection) as sent:
        assert (newest.account, newest.twice) == (one, newest.pk * 2)
    assert len(sent) == 0
    assert first(Notification.objects.filter(of_one("account", None)), 3) == []


def test_the_first_rows_of_several_are_those_of_a_slice():
    all_of_them = [make_individual() for _ in range(3)]
    tell(4, *all_of_them)
    tell(4, all_of_them[0])
    rows = Notification.objects.select_related("account").order_by("-pk")

    for accounts in (all_of_them, all_of_them[:2], all_of_them[2:], []):
        keys = [one.pk for one in accounts]
        wanted = list(rows.filter(account__in=keys))
        for most in (1, 6, 99):
            found = first_of_several(rows, most, field="account", keys=keys)
            assert found == wanted[:most]


@pytest.mark.parametrize("count", [1, 2])
def test_of_a_busy_account_among_many_no_more_is_read_than_asked_for(count):
    others = [make_individual() for _ in range(300)]
    tell(10, *others)
    tell(3000, others[0])
    keys = [other.pk for other in others[:count]]
    rows = Notification.objects.order_by("-pk")

    read = rows_read_by(
        lambda: first_of_several(rows, 25, field="account", keys=keys), of="accounts_notification"
    )

    assert read <= 3 * count * 25
