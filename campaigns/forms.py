"""What the pages of campaigns send."""

from uuid import UUID

from django import forms
from django.http import HttpRequest

from campaigns import limits
from campaigns.resuming import Resumable


class ResumeForm(forms.Form):
    """Which of the waiting campaigns to resume. Those that cannot run cannot be chosen."""

    campaign = forms.TypedMultipleChoiceField(
        label="Campaigns to resume",
        coerce=int,
        error_messages={
            "required": "Choose at least one campaign",
            "invalid_choice": "One of the campaigns cannot be resumed any more. Look again.",
        },
    )

    def __init__(self, *args, waiting: list[Resumable], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        able = [one.campaign.pk for one in waiting if one.eligible]
        self.able = able[: limits.RESUME_SHOWN]
        # Also those that just became unable: the middle says why, under the wallet's lock.
        self.fields["campaign"].choices = [(one.campaign.pk, one.campaign.name) for one in waiting]

    def chosen(self) -> list[int]:
        """The boxes to show checked: at first every campaign that can run."""
        if not self.is_bound:
            return self.able
        asked = {number(value) for value in self.data.getlist("campaign")}
        return [pk for pk in self.able if pk in asked]


def number(text: str) -> int | None:
    """A positive whole number that fits a row's id, or None."""
    usable = text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if usable else None


def purchase_id(request: HttpRequest) -> UUID | None:
    """The `purchase` of the address or the form, if it is an id at all."""
    text = request.POST.get("purchase") or request.GET.get("purchase") or ""
    try:
        return UUID(text)
    except ValueError:
        return None
