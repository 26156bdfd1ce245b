"""What a list does not show cannot be asked for by writing its filter into the address."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.test import RequestFactory

from accounts.tests.builders import make_staff
from thinkrr_billing.staff.groups import READ_ONLY
from thinkrr_billing.staff.tests.phone import staff_client, url

pytestmark = pytest.mark.django_db


def columns(model: type[Model]) -> Iterator[str]:
    """The columns of a model, and those of what it refers to or is referred to by."""
    yield "pk"
    for field in model._meta.get_fields():
        yield from {field.name, getattr(field, "attname", field.name)}
        if field.related_model and field.related_model is not model:
            yield from (
                f"{field.name}__{other.name}" for other in field.related_model._meta.concrete_fields
            )


def offered(page: admin.ModelAdmin) -> set[str]:
    """What the filters of a list and the links of other pages ask for."""
    filters = [*page.list_filter, *getattr(page, "list_filter_of_one", ())]
    named = [one[0] if isinstance(one, tuple) else one for one in filters]
    return {one for one in named if isinstance(one, str)} | {
        one.rsplit("__", 1)[0] for one in page.led_to_by
    }


def asked_by_hand(page: admin.ModelAdmin) -> Iterator[str]:
    allowed = offered(page)
    for column in columns(page.model):
        if column in allowed or column.removesuffix("__id").removesuffix("_id") in allowed:
            yield f"{column}__regex"
            continue
        yield column
        for lookup in ("exact", "startswith", "regex", "gte", "isnull", "in"):
            yield f"{column}__{lookup}"


@pytest.mark.parametrize(
    "page", list(admin.site._registry.values()), ids=lambda one: one.opts.label_lower
)
def test_no_column_is_asked_for_that_the_list_does_not_offer_as_a_filter(page):
    request = RequestFactory().get("/admin/")
    request.user = make_staff(READ_ONLY)
    by_hand = [one for one in asked_by_hand(page) if one not in page.led_to_by]

    taken = [lookup for lookup in by_hand if page.lookup_allowed(lookup, "a", request)]

    assert taken == []
    assert by_hand


HIDDEN = [
    ("accounts.invitation", "nonce"),
    ("accounts.apikey", "secret_hash"),
    ("accounts.user", "password"),
    ("accounts.staffaction", "form_key"),
    ("accounts.account", "memberships__user__password"),
    ("accounts.apikey", "created_by__password"),
    ("wallets.wallet", "account__invitations__nonce"),
    ("wallets.purchase", "requested_by__password"),
    ("wallets.adjustmentrequest", "form_key"),
]


@pytest.mark.parametrize(("page", "column"), HIDDEN)
@pytest.mark.parametrize("where", ["changelist", "export"])
def test_what_is_hidden_cannot_be_guessed_letter_by_letter(page, column, where):
    client = staff_client(READ_ONLY)

    answer = client.get(url(page, where), {f"{column}__startswith": "a"})

    assert answer.status_code == 400


SECRETS = ("nonce", "hash", "password", "secret", "token", "bin_key")


@pytest.mark.parametrize(
    "page", list(admin.site._registry.values()), ids=lambda one: one.opts.label_lower
)
def test_no_search_no_list_no_export_and_no_page_goes_through_what_is_secret(page):
    request = RequestFactory().get("/admin/")
    request.user = make_staff(READ_ONLY)
    looked_at = [
        *page.get_search_fields(request),
        *page.get_list_display(request),
        *page.csv_display,
        *flatten_fieldsets(page.get_fieldsets(request, page.model())),
    ]

    assert [one for one in looked_at if any(word in one for word in SECRETS)] == []
    for name in page.get_search_fields(request):
        with_lookup = name.split("__")
        try:
            page.model._meta.get_field(with_lookup[0])
        except FieldDoesNotExist:
            pytest.fail(f"{name} is no column")


@pytest.mark.parametrize("query", ["amount=1E%2B99999999999", "amount__in=1,1E%2B99999999999"])
def test_a_number_that_no_column_holds_is_a_bad_request_wherever_it_stands(query):
    assert (
        staff_client().get(f"{url('wallets.ledgerentry', 'changelist')}?{query}").status_code == 400
    )
