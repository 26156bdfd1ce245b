"""A moment in the address of a list says its time zone, or is refused; nobody guesses one."""

import warnings

import pytest
from django.contrib import admin
from django.db import models

from thinkrr_billing.staff.tests.phone import staff_client, url
from thinkrr_billing.staff.tests.test_hidden_columns import offered

pytestmark = pytest.mark.django_db

# Among all rows nobody asks for it: it is offered within one account.
WITHIN_ONE = ("accounts.notification", "mailed_at")
ASKED = [
    (model._meta.label_lower, column)
    for model, page in admin.site._registry.items()
    for column in sorted(offered(page))
    if "__" not in column
    and (model._meta.label_lower, column) != WITHIN_ONE
    and isinstance(model._meta.get_field(column), models.DateTimeField)
]


@pytest.mark.parametrize(("page", "column"), ASKED)
@pytest.mark.parametrize("moment", ["2026-01-01", "2026-01-01 10:00", "2026-01-01T10:00:00"])
def test_a_moment_without_a_time_zone_is_refused(page, column, moment):
    client = staff_client()

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        answers = {
            lookup: client.get(url(page, "changelist"), {f"{column}{lookup}": moment}).status_code
            for lookup in ("", "__exact", "__gt", "__gte", "__lt", "__lte", "__in")
        }

    assert set(answers.values()) == {400}


@pytest.mark.parametrize(("page", "column"), ASKED)
def test_one_that_says_its_time_zone_is_looked_for(page, column):
    asked = {f"{column}__gte": "2026-01-01 00:00:00+00:00"}

    assert staff_client().get(url(page, "changelist"), asked).status_code == 200
