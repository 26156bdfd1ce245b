"""A country is one of a table's, by its two letters."""

import pytest
from django.core.exceptions import ValidationError

from accounts import countries
from accounts.forms import AccountForm


def test_a_form_offers_every_country_by_its_name_and_none():
    offered = AccountForm.base_fields["billing_country"].choices

    assert len(countries.names()) > 240
    assert offered[0] == ("", "Not set")
    assert ("DE", "Germany") in offered
    assert [name for _, name in offered[1:]] == sorted(countries.names().values())


def test_a_country_reads_as_its_name_and_unknown_letters_as_they_are():
    assert countries.name_of("PL") == "Poland"
    assert countries.name_of("XQ") == "XQ"


@pytest.mark.parametrize("code", ["XX", "de", "DEU", "D", "EU"])
def test_letters_of_no_country_are_refused(code):
    with pytest.raises(ValidationError, match="is no country"):
        countries.validate(code)
