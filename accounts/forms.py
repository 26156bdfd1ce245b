"""The forms of log-in, settings, members and keys. They check shapes; the middle decides."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import clock, countries, zones
from accounts.errors import AccountError, TooMany
from accounts.models import Account, Role, Scope, Theme, User
from accounts.people import api_keys, logins, second_factor
from accounts.runtime.addresses import client_ip
from accounts.runtime.askers import asker_of
from accounts.telling import mail_topics

PASSWORD_HELP = "At least 12 characters. A long one that you use nowhere else is best."
CODE_HELP = "From your authenticator app, or one of your recovery codes."
KEY_LIFETIMES = [("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")]


class LogInForm(AuthenticationForm):
    """Django's, by e-mail, and slowed down after failures."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is not right.",
        "inactive": "This log-in has been switched off.",
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True}
        )

    def clean(self) -> dict:
        with _trying(self.request, email=self.cleaned_data.get("username", "")):
            return super().clean()


@contextmanager
def _trying(request: HttpRequest, *, email: str) -> Iterator[None]:
    """`logins.trying` in a form, where what was refused stands beside its field."""
    try:
        with logins.trying(email=email, ip=client_ip(request)):
            yield
    except TooMany as error:
        raise ValidationError(str(error), code=error.code) from None


class ForgottenForm(forms.Form):
    """Asks nothing but the address: who has it is not looked up while somebody waits."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


class LongSelect(forms.Select):
    """Hundreds of choices, in groups or not: Django would render a template for each, a quarter of
    a second."""

    def render(self, name: str, value: object, attrs: dict | None = None, renderer=None) -> str:  # noqa: ARG002
        attributes = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        parts = [
            format_html('<optgroup label="{}">{}</optgroup>', key, _options(inside, value))
            if isinstance(inside, list | tuple)
            else _options([(key, inside)], value)
            for key, inside in self.choices
        ]
        options = format_html_join("\n", "{}", ((part,) for part in parts))
        return format_html("<select{}>{}</select>", flatatt(attributes), options)


def _options(choices: Iterable[tuple[str, str]], value: object) -> SafeString:
    chosen = mark_safe(" selected")  # nosec B308 # a word of ours
    rows = ((key, chosen if key == (value or "") else "", label) for key, label in choices)
    return format_html_join("\n", '<option value="{}"{}>{}</option>', rows)


def zone_choices(current: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Cities by their part of the world; one of an old name stays to be chosen where it is."""
    now = clock.now()
    # No place changes its offset in the middle of a quarter of an hour.
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return list(_zone_choices(current, quarter))


@lru_cache(maxsize=4)
def _zone_choices(current: str, now: datetime) -> list[tuple[str, list[tuple[str, str]]]]:
    """Four hundred offsets are worked out in twenty milliseconds."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted({*zones.cities(), *([current] if current else [])}):
        place = zones.city(name, at=now)
        groups.setdefault(name.split("/")[0] if "/" in name else "Other", []).append((name, place))
    return [(name, sorted(group, key=lambda one: one[1])) for name, group in groups.items()]


class CountryField(forms.ChoiceField):
    """A country by its name, or none."""

    default_error_messages = {"invalid_choice": "“%(value)s” is no country of the list."}

    def __init__(self, *, label: str, empty: str = "Not set", **kwargs: object) -> None:
        choices = [("", empty), *countries.names().items()]
        kwargs = {"widget": LongSelect(attrs={"autocomplete": "country"})} | kwargs
        super().__init__(label=label, required=False, choices=choices, **kwargs)


class BillingForm(forms.ModelForm):
    """Whom papers name as the buyer. Nothing of it has to be filled in."""

    billing_country = CountryField(label="Country")

    class Meta:
        model = Account
        fields = ["billing_name", "billing_address", "billing_country", "tax_id"]
        labels = {"billing_name": "Name", "billing_address": "Address", "tax_id": "Tax ID"}
        widgets = {
            "billing_name": forms.TextInput(attrs={"autocomplete": "organization"}),
            "billing_address": forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"}),
        }


class AccountForm(forms.ModelForm):
    billing_country = CountryField(label="Billing country")
    timezone = forms.ChoiceField(
        widget=LongSelect,
        label="Time zone",
        help_text="Monthly limits, allocations and times on pages follow it.",
    )

    class Meta:
        model = Account
        fields = [
            "name",
            "timezone",
            "billing_name",
            "billing_address",
            "billing_country",
            "tax_id",
        ]
        labels = {"tax_id": "Tax ID"}
        help_texts = {
            "billing_name": "Name, address, country and tax ID are printed on receipts.",
        }
        widgets = {"billing_address": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: object, read_only: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["timezone"].choices = zone_choices(self.instance.timezone)
        for field in self.fields.values():
            field.disabled = read_only


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail")
    role = forms.ChoiceField(
        choices=Role,
        initial=Role.MEMBER,
        help_text="Members see everything; owners and admins also pay and change settings.",
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role)


class JoinForm(forms.Form):
    """What a newly invited person tells us."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=PASSWORD_HELP,
    )

    def __init__(self, *args: object, email: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        person = User(email=self.email, name=self.cleaned_data.get("name", ""))
        password_validation.validate_password(password, person)
        return password


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        max_length=api_keys.MAX_NAME_LENGTH, help_text="Where the key is used, such as “Dialer”."
    )
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=[(scope.value, scope.label) for scope in api_keys.SELF_SERVICE_SCOPES],
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
    )
    expires = forms.ChoiceField(label="Expires", choices=KEY_LIFETIMES, required=False)
    addresses = forms.CharField(
        label="Only from",
        required=False,
        max_length=1000,
        help_text="IP addresses or networks, such as 203.0.113.0/24, with commas between them.",
    )

    def clean_addresses(self) -> list[str]:
        return api_keys.addresses_in(self.cleaned_data["addresses"])

    def expires_at(self):
        days = self.cleaned_data["expires"]
        return clock.now() + timedelta(days=int(days)) if days else None


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["name", "theme"]
        widgets = {"theme": forms.RadioSelect(choices=Theme.choices)}


class MailsForm(forms.Form):
    """Which mails a person wants. Problems are not offered: they are always mailed."""

    wanted = forms.MultipleChoiceField(
        label="Mail me about", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: object, muted: list[str], **kwargs: object) -> None:
        topics = mail_topics.choices()
        wanted = [name for name, _ in topics if name not in muted]
        super().__init__(*args, initial={"wanted": wanted}, **kwargs)
        self.fields["wanted"].choices = topics

    def muted(self) -> list[str]:
        """What was offered and not chosen."""
        wanted = self.cleaned_data["wanted"]
        return [name for name, _ in mail_topics.choices() if name not in wanted]


class PasswordForm(PasswordChangeForm):
    """Django's, slowed down as the log-in is, and without taking the focus: it is the second form
    of its page."""

    def __init__(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().__init__(request.user, *args, **kwargs)
        self.request = request
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = PASSWORD_HELP
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        with _trying(self.request, email=self.user.email):
            return super().clean_old_password()


class CodeField(forms.CharField):
    """A code of the second factor. Digits only, so that phones show their keypad."""

    def __init__(self, **kwargs: object) -> None:
        attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
        super().__init__(label="Code", max_length=20, widget=forms.TextInput(attrs), **kwargs)


class CodeForm(forms.Form):
    """Asks somebody whose password was right for their second factor."""

    code = CodeField()

    def __init__(self, request: HttpRequest, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user
        self.fields["code"].widget.attrs["autofocus"] = True

    def clean_code(self) -> str:
        # The device that was shown to be there.
        self.device = _checked(self.request, user=self.user, code=self.cleaned_data["code"])
        return self.cleaned_data["code"]


class PasswordAgainForm(forms.Form):
    """Asks somebody who is logged in for their password, and for a code if they have a second
    factor. Slowed down as the log-in is."""

    password_again = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    code_again = CodeField(help_text=CODE_HELP)

    def __init__(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        if not self.asks_code():
            del self.fields["code_again"]

    def asks_code(self) -> bool:
        return second_factor.is_on(user=self.request.user)

    def clean_password_again(self) -> str:
        password = self.cleaned_data["password_again"]
        with _trying(self.request, email=self.request.user.email):
            if not self.request.user.check_password(password):
                raise ValidationError("This is not your password.", code="wrong")
        return password

    def clean_code_again(self) -> str:
        # A code works once: none is used up beside a wrong password.
        if "password_again" in self.cleaned_data:
            code = self.cleaned_data["code_again"]
            _checked(self.request, user=self.request.user, code=code)
        return self.cleaned_data["code_again"]


class TurnOnForm(PasswordAgainForm):
    """The password, and the first code of an app. The middle looks whether it is the secret's."""

    field_order = ("code_again", "password_again")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code_again"].help_text = "The six digits that the app shows now."
        del self.fields["password_again"].widget.attrs["autofocus"]

    def asks_code(self) -> bool:
        return True

    def clean_code_again(self) -> str:
        return self.cleaned_data["code_again"]


def _checked(request: HttpRequest, *, user: User, code: str) -> TOTPDevice:
    try:
        return second_factor.check(user=user, code=code, asker=asker_of(request))
    except AccountError as error:
        raise ValidationError(str(error), code=error.code) from None
