"""`{% csrf_token %}` of every template (settings.TEMPLATES): the token, and the page's account.

So no form can forget to name its account; `accounts.middleware` refuses one that does."""

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from accounts.middleware import PAGE_ACCOUNT

register = template.Library()


class FormTokensNode(CsrfTokenNode):
    child_nodelists = ()

    def render(self, context: Context) -> str:
        token = super().render(context)
        account = getattr(context.get("request"), "account", None)
        if not token or account is None:
            return token
        named = format_html('<input type="hidden" name="{}" value="{}">', PAGE_ACCOUNT, account.pk)
        return token + named


@register.tag
def csrf_token(parser: Parser, token: Token) -> FormTokensNode:  # noqa: ARG001
    return FormTokensNode()
