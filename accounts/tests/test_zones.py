"""One table of time zones, the pinned one, and names that nobody knows stop nothing."""

import zoneinfo
from datetime import UTC, datetime
from importlib import resources

import pytest
from django.core.exceptions import ValidationError

from accounts import clock, zones
from accounts.errors import Invalid
from accounts.forms import AccountForm
from accounts.models import Account, validate_timezone
from accounts.people.opening import open_individual
from accounts.tests.builders import make_individual, make_user

MINUS = "\N{MINUS SIGN}"
NO_PLACES = ("localtime", "posixrules", "Factory")


def test_the_pinned_table_decides_and_not_the_machines_files():
    pinned = resources.files("tzdata").joinpath("zones").read_text().split()

    assert zoneinfo.TZPATH == ()
    assert zones.known() == set(pinned)


def test_a_form_offers_cities_by_part_of_the_world_with_their_offset_and_nothing_else():
    with clock.at(datetime(2026, 11, 22, tzinfo=UTC)):
        groups = dict(AccountForm(read_only=False).fields["timezone"].choices)
    offered = {name for group in groups.values() for name, _ in group}

    assert ("America/New_York", f"New York (UTC{MINUS}05:00)") in groups["America"]
    assert ("Asia/Kolkata", "Kolkata (UTC+05:30)") in groups["Asia"]
    assert groups["Other"] == [("UTC", "UTC")]
    assert offered <= zones.known()
    assert [group for group in groups if group in ("Etc", "US", "SystemV", "Canada")] == []
    assert offered & {"EST5EDT", "GB", "Zulu", "Etc/GMT+5", "US/Eastern", *NO_PLACES} == set()


def test_the_offset_is_that_of_today():
    with clock.at(datetime(2026, 7, 1, tzinfo=UTC)):
        groups = dict(AccountForm(read_only=False).fields["timezone"].choices)

    assert ("America/New_York", f"New York (UTC{MINUS}04:00)") in groups["America"]


def test_an_old_name_stays_where_it_was_chosen():
    form = AccountForm(instance=Account(timezone="US/Eastern"), read_only=False)

    assert [name for name, _ in dict(form.fields["timezone"].choices)["US"]] == ["US/Eastern"]


@pytest.mark.parametrize("name", [*NO_PLACES, "Mars", "../etc/passwd", "America", ""])
def test_a_name_that_is_no_place_is_refused(name):
    with pytest.raises(ValidationError, match="is not a time zone"):
        validate_timezone(name)


@pytest.mark.django_db
def test_an_account_cannot_be_opened_in_a_zone_that_is_no_place():
    with pytest.raises(Invalid) as refusal:
        open_individual(name="Ada", owner=make_user(), timezone="localtime")

    assert list(refusal.value.fields) == ["timezone"]
    assert not Account.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["localtime", "Mars", "../etc/passwd", "America"])
def test_a_stored_name_that_nobody_knows_is_taken_for_utc(name):
    account = make_individual()
    Account.objects.update(timezone=name)
    account.refresh_from_db()

    assert account.local_date(datetime(2026, 11, 14, 23, 59, tzinfo=UTC)).day == 14


@pytest.mark.browser
def test_a_browser_knows_every_name_that_is_offered(chromium):
    page = chromium.new_page()

    unknown = page.evaluate(
        """names => names.filter(name => {
            try { new Intl.DateTimeFormat("en", {timeZone: name}); return false }
            catch { return true }
        })""",
        zones.offered(),
    )
    page.close()

    assert unknown == []
