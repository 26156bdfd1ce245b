"""Icons of the sprite. A tag and not an include: a page has dozens, and rows repeat them."""

from functools import cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
@cache
def icon(name: str, classes: str = "icon") -> SafeString:
    """One icon, beside words that say the same."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static("ui/icons.svg"),
        name,
    )
