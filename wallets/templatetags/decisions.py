"""How logged decisions are written on pages."""

from datetime import UTC

from django import template
from django.utils.safestring import SafeString

from wallets.models import LoggedDecision
from wallets.why import sentences

register = template.Library()


@register.simple_tag(takes_context=True)
def decision_sentence(context: template.Context, decision: LoggedDecision) -> SafeString:
    """Write a decision as a sentence, its moments in the current account's time zone."""
    account = context.get("current_account")
    return sentences.sentence(decision=decision, zone=account.zone if account else UTC)


@register.filter
def decision_tone(decision: LoggedDecision) -> str:
    """The tone of its mark: warning, success or nothing."""
    return sentences.tone(decision)
