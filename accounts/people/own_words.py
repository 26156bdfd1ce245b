"""Words that whoever guesses passwords of this product tries first. Settings name the validator."""

import re

from django.core.exceptions import ValidationError

from accounts.models import User

# The product, what it deals in, and the parts of addresses and accounts it shows everywhere.
WORDS = (
    *("thinkrr", "billing", "wallet", "recharge", "allocation", "campaign", "minutes", "credit"),
    *("premium", "basic", "agency", "account", "admin", "support", "owner", "password", "stripe"),
)
# What is left without them has to be a password on its own account: ASVS asks for 8 letters.
LEFT_AT_LEAST = 8
REFUSED = "This password is little more than words of this product. Choose one nobody would guess."

_WORDS = re.compile("|".join(sorted(WORDS, key=len, reverse=True)))


class OwnWordsValidator:
    """Refuses passwords that are made of our own words, and of figures or signs around them."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        rest, found = _WORDS.subn("", password.casefold())
        if found and sum(map(str.isalpha, rest)) < LEFT_AT_LEAST:
            raise ValidationError(REFUSED, code="password_of_own_words")

    def get_help_text(self) -> str:
        return "Your password can’t be made of words of this product."
