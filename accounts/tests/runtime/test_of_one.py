import pytest
from django.db import connection
from django.db.models import OuterRef, Subquery

from accounts.models import Account, Notification
from accounts.runtime.of_one import of_one
from accounts.telling import notifications
from accounts.tests.builders import make_individual
from tests.databases import as_owner
from tests.plans import rows_read_by

pytestmark = pytest.mark.django_db

TOLD = """
INSERT INTO accounts_notification
    (account_id, kind, title, text, level, data, dedupe_key, link, audience, created_at,
     mail_due_at, mail_attempts)
SELECT account, 'recharged', 'Recharged', 'Recharged', 'info', '{}', gen_random_uuid(), '',
       'managers', now(), NULL, 0
FROM unnest(%s::uuid[]) account, generate_series(1, %s) g
"""


def tell(times: int, *accounts: Account) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(TOLD, [[one.pk for one in accounts], times])
        cursor.execute("ANALYZE accounts_notification, accounts_account")


def test_it_is_the_same_condition():
    one, other, nobody = make_individual(), make_individual(), make_individual()
    tell(2, one)
    tell(3, other)
    of_outer = Notification.objects.filter(of_one("account", OuterRef("pk")))
    newest = Subquery(of_outer.order_by("account_id", "-pk").values("pk")[:1])

    def count(key):
        return Notification.objects.filter(of_one("account", key)).count()

    assert [count(key) for key in (one.pk, other.pk, nobody.pk, None)] == [2, 3, 0, 0]
    assert count(Subquery(Account.objects.filter(pk=other.pk).values("pk"))) == 3
    assert list(Account.objects.filter(pk=one.pk).values_list(newest, flat=True)) == [
        Notification.objects.filter(account=one).latest("pk").pk
    ]


def test_of_an_account_that_rests_no_notification_of_the_few_others_is_read():
    quiet, busy = make_individual(), make_individual()
    tell(2, quiet)
    tell(4000, busy)

    read = rows_read_by(lambda: notifications.page(account_id=quiet.pk), of="accounts_notification")

    assert read <= 30
