"""How logged decisions are written on pages."""

from datetime import UTC

from django import template
from django.utils.safestring import SafeString

from wallets import decision_texts
from wallets.models import LoggedDecision

register = template.Library()


@register.simple_tag(takes_context=True)
def decision_sentence(context: template.Context, decision: LoggedDecision) -> SafeString:
    """Write a decision as a sentence, its moments in the current account's time zone."""
    account = context.get("current_account")
    return decision_texts.sentence(decision=decision, zone=account.zone if account else UTC)


@register.filter
def decision_tone(decision: LoggedDecision) -> str:
    """The tone of its mark: warning, success or nothing."""
    return decision_texts.tone(decision)
