"""The first steps of a new account, on pages of other apps."""

from django import template

from campaigns.first_steps import first_steps

register = template.Library()


@register.inclusion_tag("campaigns/_first_steps.html", takes_context=True)
def show_first_steps(context: template.Context) -> dict[str, object]:
    request = context["request"]
    steps = first_steps(account=request.account)
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "steps": steps,
        "done": sum(step.done for step in steps),
        "may_pay": "money" in request.permissions,
    }
