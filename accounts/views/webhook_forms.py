"""What a person types about a webhook."""

from django import forms
from django.utils.html import format_html

from accounts import limits
from accounts.models import WebhookEndpoint
from accounts.webhooks import catalogue, endpoints
from accounts.webhooks.endpoints import Terms

_LABEL = '<code>{}</code> <span class="muted small">{}</span>'


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=limits.WEBHOOK_URL_LENGTH,
        help_text="Where your server takes events, such as https://example.com/webhooks.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    description = forms.CharField(
        required=False,
        max_length=limits.WEBHOOK_DESCRIPTION_LENGTH,
        help_text="What it is for, such as “CRM”.",
    )
    format = forms.ChoiceField(
        label="Sends",
        choices=[
            ("standard", "Signed JSON, by Standard Webhooks"),
            ("slack", "Messages to Slack: the address is an incoming webhook"),
        ],
        initial="standard",
        widget=forms.RadioSelect,
    )
    events = forms.MultipleChoiceField(
        label="Only these events",
        required=False,
        help_text="With none of them chosen it hears of all, later ones too.",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"].choices = [
            (one.name, format_html(_LABEL, one.name, one.meaning.replace("`", "")))
            for one in catalogue.every()
        ]

    @staticmethod
    def of(endpoint: WebhookEndpoint) -> dict[str, object]:
        """What it is now. Slack's address is a secret: leaving the field empty keeps it."""
        return {
            "url": "" if endpoint.is_slack else endpoint.url,
            "description": endpoint.description,
            "format": endpoint.format,
            "events": endpoint.events,
        }

    def terms(self) -> Terms:
        chosen = self.cleaned_data
        return Terms(
            url=chosen["url"],
            description=chosen["description"],
            format=chosen["format"],
            events=tuple(chosen["events"]),
        )


class ChangeWebhookForm(WebhookForm):
    """Of one that is there: an address of Slack's that is not typed anew stays."""

    def __init__(self, *args: object, endpoint: WebhookEndpoint, **kwargs: object) -> None:
        super().__init__(*args, initial=self.of(endpoint), **kwargs)
        self.endpoint = endpoint
        if endpoint.is_slack:
            self.fields["url"].required = False
            self.fields[
                "url"
            ].help_text = f"Now {endpoints.shown_url(endpoint)}. Leave it empty to keep it."

    def in_force(self, endpoint: WebhookEndpoint) -> dict[str, object]:
        """What it is now, in the words of its page. An address that was left as it is says nothing
        against the one of Slack's there."""
        kept = endpoint.is_slack and not self["url"].data
        return self.of(endpoint) | ({} if kept else {"url": endpoints.shown_url(endpoint)})

    def clean_url(self) -> str:
        return self.cleaned_data["url"] or self.endpoint.url
