"""The questions beside a dialog."""

from django import template

from wallets import help_texts
from wallets.prices.rates import rates_now

register = template.Library()


@register.inclusion_tag("wallets/_dialog_help.html")
def dialog_help(topic: str) -> dict[str, object]:
    """The questions of one topic, folded away."""
    return {
        "label": help_texts.TOPICS[topic],
        "topic": topic,
        "answers": help_texts.of_topic(topic, rates=rates_now()),
    }
