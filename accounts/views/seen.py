"""What forms of settings say they were filled in over, and how they come back when it is gone."""

from collections.abc import Mapping

from django import forms
from django.http import HttpRequest

from accounts import clock
from accounts.audit.seen import Overtaken

FIELD = "seen"
_VALUE_MOST = 80


def sent(request: HttpRequest) -> str:
    """The mark that a form sends back; empty of one that names none."""
    return request.POST.get(FIELD, "")


def put(request: HttpRequest, form: forms.BaseForm, mark: str) -> None:
    """Let the form be of this mark, or of the one it was of before: when it comes back with an
    error, and after its sender went to add a card or to log in."""
    form.seen = (request.POST if form.is_bound else request.GET).get(FIELD) or mark


def come_back(
    request: HttpRequest, form: forms.BaseForm, error: Overtaken, *, now: Mapping[str, object]
) -> None:
    """Say in the form who changed what meanwhile, and let it be sent again as it is.

    `now` is what a form shown now would begin with.
    """
    differing = [
        f"{form[name].label} is {_shown(form.fields[name], value)} now."
        for name, value in now.items()
        if _differs(form, name, value)
    ]
    spared = "saved or charged" if "quoted_charge" in form.fields else "saved"
    outcome = f"Nothing was {spared} yet. Save again to keep yours."
    form.add_error(None, [sentence(request, error), *differing, outcome])
    form.seen = error.mark


def refusal(request: HttpRequest, error: Overtaken) -> Overtaken:
    """The error with its sentence for one who pressed a button that keeps nothing typed."""
    error.args = (f"{sentence(request, error)} Nothing was changed. Look at it again first.",)
    return error


def sentence(request: HttpRequest, error: Overtaken) -> str:
    """ "These settings were changed by Ada Lovelace at 14:05, after you opened this page." """
    by = f" by {_who(request, error)}" if error.by else ""
    return f"These settings were changed{by}{_when(request, error)}, after you opened this page."


def _who(request: HttpRequest, error: Overtaken) -> str:
    """A colleague by name, also of support's to support; to customers those are one."""
    if error.by == request.user:
        return "you"
    is_support = getattr(error.by, "is_staff", False) and not request.user.is_staff
    return "support" if is_support else str(error.by)


def _when(request: HttpRequest, error: Overtaken) -> str:
    if error.at is None:
        return ""
    at = error.at.astimezone(request.account.zone) if request.account else error.at
    today = clock.now().astimezone(at.tzinfo).date()
    return f" at {at:%H:%M}" if at.date() == today else f" on {at.day} {at:%B} at {at:%H:%M}"


def _differs(form: forms.BaseForm, name: str, value: object) -> bool:
    """Whether what was typed is something else than what it has now."""
    try:
        found = form.fields[name].clean(value)
    except forms.ValidationError:
        found = value
    typed = form.cleaned_data.get(name)
    if isinstance(typed, list):
        return set(typed) != set(found)
    return _text(typed) != _text(found) and _text(form[name].data) != _text(value)


def _text(value: object) -> str:
    return "" if value is None else "\n".join(str(value).split())


def _shown(field: forms.Field, value: object) -> str:
    if isinstance(field, forms.BooleanField):
        return "on" if value else "off"
    labels = _labels(getattr(field, "choices", ()))
    named = [
        str(labels.get(each, each)) for each in (value if isinstance(value, list) else [value])
    ]
    text = ", ".join(filter(None, named)) if value or "" in labels else ""
    return f"{getattr(field, 'unit', '')}{text[:_VALUE_MOST]}" if text else "empty"


def _labels(choices: object) -> dict[object, object]:
    """Of each value, those in groups included."""
    found = {}
    for key, label in choices:
        found |= _labels(label) if isinstance(label, list | tuple) else {key: label}
    return found
