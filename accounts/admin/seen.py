"""Forms of support that stood open while a colleague saved: they overwrite nothing silently."""

from typing import Any

from django import forms
from django.db.models import Manager, Model
from django.http import HttpRequest

from accounts.audit.seen import Overtaken, mark, overtaken
from accounts.views import seen


class MarkField(forms.CharField):
    """The mark of what was shown. It is no change by itself."""

    widget = forms.HiddenInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=64, **kwargs)

    def has_changed(self, initial: object, data: object) -> bool:
        return False


class SeenForm(forms.ModelForm):
    """A row's form; `request` is given to its class. It comes back, and saves when sent again."""

    seen = MarkField()
    request: HttpRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = mark(self.instance, fields=self._columns())

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        rows = type(self.instance)._default_manager.select_for_update(no_key=True)
        row, columns = rows.get(pk=self.instance.pk), self._columns()
        sent, now = values.get("seen"), mark(row, fields=columns)
        if sent and sent != now:
            there = {name: _value(row, name) for name in columns}
            if any(self.fields[name].has_changed(there[name], self[name].data) for name in there):
                error = overtaken(row, fields=columns, now=now)
                seen.come_back(self.request, self, error, now=there)
                renew(self, error)
        return values

    def _columns(self) -> list[str]:
        """What this person may change here."""
        offered = [name for name in self._meta.fields or () if name in self.fields]
        return [name for name in offered if not self.fields[name].disabled]


def renew(form: forms.BaseForm, error: Overtaken) -> None:
    """Let the form be of what the row has now: sent again, it overwrites that knowingly."""
    form.data = form.data.copy()
    form.data[seen.FIELD] = error.mark


def _value(row: Model, name: str) -> object:
    value = getattr(row, name)
    return list(value.values_list("pk", flat=True)) if isinstance(value, Manager) else value
