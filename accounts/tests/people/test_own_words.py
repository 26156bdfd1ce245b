"""Passwords made of the product's own words."""

import pytest
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError

from accounts.people.own_words import REFUSED, OwnWordsValidator


@pytest.mark.parametrize(
    "password",
    [
        "thinkrrthinkrr",
        "ThinkRR.Billing.1",
        "mywallet2026!!",
        "premium-minutes",
        "admin-password-1",
    ],
)
def test_words_of_ours_with_a_little_around_them_are_no_password(password):
    with pytest.raises(ValidationError) as refusal:
        OwnWordsValidator().validate(password)

    assert refusal.value.messages == [REFUSED]


@pytest.mark.parametrize(
    "password",
    ["tulips-in-winter", "my wallet smells of leather", "8f3!kq02-zz91", "tulips-pay-the-billing"],
)
def test_a_word_of_ours_among_others_is_fine(password):
    OwnWordsValidator().validate(password)


def test_it_is_among_those_that_every_new_password_passes():
    assert OwnWordsValidator in map(type, get_default_password_validators())
