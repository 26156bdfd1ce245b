"""The people of an account."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts import clock
from accounts.audit.seen import Overtaken, mark
from accounts.errors import AccountError, Conflict, Forbidden
from accounts.forms import InviteForm, RoleForm
from accounts.models import Invitation, Membership, Role
from accounts.pages import may, needs, numbered, require
from accounts.people import inviting, members
from accounts.people.access import Permission
from accounts.views import seen


@require_GET
@needs(Permission.SEE)
def member_list(request: HttpRequest) -> HttpResponse:
    return _page(request, form=InviteForm())


@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    if not _may_invite(request):
        require(request, Permission.MONEY)
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    try:
        members.invite(account=request.account, invited_by=request.user, **form.cleaned_data)
    except AccountError as error:
        form.add_error(None, str(error))
        return _page(request, form=form, status=422)
    messages.success(request, f"Invitation sent to {form.cleaned_data['email']}.")
    return redirect("accounts:members")


@require_POST
@needs(Permission.MONEY)
def withdraw(request: HttpRequest, invitation_id: int) -> HttpResponse:
    members.withdraw(account=request.account, invitation_id=invitation_id)
    messages.success(request, "Invitation withdrawn.")
    return redirect("accounts:members")


@require_POST
@needs(Permission.MONEY)
def change_role(request: HttpRequest, user_id: int) -> HttpResponse:
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, form=InviteForm(), error="Choose a role from the list.", status=422)
    try:
        membership = members.change_role(
            account=request.account,
            user_id=user_id,
            role=form.cleaned_data["role"],
            actor=request.user,
            seen=seen.sent(request),
        )
    except Overtaken as error:
        text = str(seen.refusal(request, error))
        return _page(request, form=InviteForm(), error=text, status=error.status)
    except (Conflict, Forbidden) as error:
        return _page(request, form=InviteForm(), error=str(error), status=error.status)
    messages.success(request, f"{membership.user} is now {membership.get_role_display()}.")
    return redirect("accounts:members")


@require_POST
def remove(request: HttpRequest, user_id: int) -> HttpResponse:
    """Owners and admins remove others; everybody may leave."""
    leaving = user_id == request.user.pk
    if not leaving:
        require(request, Permission.MONEY)
    try:
        members.remove(account=request.account, user_id=user_id, actor=request.user)
    except (Conflict, Forbidden) as error:
        return _page(request, form=InviteForm(), error=str(error), status=error.status)
    if leaving:
        messages.success(request, f"You left {request.account}.")
        return redirect("/")
    messages.success(request, "Removed.")
    return redirect("accounts:members")


def _may_invite(request: HttpRequest) -> bool:
    """Who runs the account, or, while nobody has joined it, who runs its agency."""
    return may(request, Permission.MONEY) or (
        may(request, Permission.ALLOCATE) and inviting.awaits_owner(account=request.account)
    )


def _page(
    request: HttpRequest, *, form: InviteForm, error: str = "", status: int = 200
) -> HttpResponse:
    people = Membership.objects.filter(account=request.account)
    people = people.select_related("user", "invitation__invited_by", "invitation__account__agency")
    waiting = Invitation.objects.filter(account=request.account, accepted_at__isnull=True)
    waiting = waiting.select_related("invited_by", "account__agency")
    invitations = numbered(request, waiting.order_by("pk"), "invited")
    inviters = inviting.inviters_of(account=request.account)
    for invitation in invitations:
        invitation.stands = inviters.may(role=invitation.role, user=invitation.invited_by)
    shown = numbered(request, people.order_by("pk"))
    for person in shown:
        person.seen = mark(person, fields=["role"])
    context = {
        "people": shown,
        "invitations": invitations,
        "form": form,
        "error": error,
        "roles": Role.choices,
        "may_invite": _may_invite(request),
        "awaits_owner": inviters.awaits_owner,
        "now": clock.now(),
    }
    return render(request, "accounts/members.html", context, status=status)
