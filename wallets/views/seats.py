"""A sub-account itself, as its agency looks after it: its name, its archive, its invitation."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit.seen import Overtaken, mark
from accounts.errors import AccountError
from accounts.models import Account, Role
from accounts.pages import needs
from accounts.people import archiving, members, seats
from accounts.people.access import Permission
from accounts.views import seen
from accounts.views.dialogs import add_errors, dialog, done, refused
from wallets.allocations import configure
from wallets.balances.opening import open_wallet
from wallets.texts import holds
from wallets.views.forms import OwnerForm, RenameForm
from wallets.views.sub_account import require_allocate, sub_account_of


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def rename(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = _own(request, account_id)
    form = RenameForm(request.POST or None, initial={"name": account.name})
    seen.put(request, form, mark(account, fields=["name"]))
    if request.method == "POST" and form.is_valid():
        try:
            archiving.rename(
                account=account,
                name=form.cleaned_data["name"],
                actor=request.user,
                seen=seen.sent(request),
            )
        except Overtaken as error:
            account.refresh_from_db(fields=["name"])
            seen.come_back(request, form, error, now={"name": account.name})
        except AccountError as error:
            add_errors(form, error)
        else:
            return done(request, back=_page(account), text=f"It is called {account.name} now.")
    return dialog(
        request,
        partial="wallets/agencies/_rename.html",
        title="Rename",
        back=_page(account),
        context={"account": account, "form": form},
        status=422 if request.method == "POST" else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def archive(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Says what becomes of its money and campaigns before; then does it, or undoes it."""
    account = _own(request, account_id)
    if request.method == "POST":
        try:
            if "bring_back" in request.POST:
                archiving.bring_back(account=account)
                return done(request, back=_page(account), text=f"{account.name} is back.")
            configure.require_seen(account=account, seen=seen.sent(request))
            archiving.archive(account=account, actor=request.user)
        except Overtaken as error:
            return refused(request, back=_page(account), error=seen.refusal(request, error))
        except AccountError as error:
            return refused(request, back=_page(account), error=error)
        back = reverse("wallets:account_manager")
        return done(request, back=back, text=f"{account.name} is archived.")
    account.seen = configure.mark_of(getattr(account, "auto_allocation", None))
    return dialog(
        request,
        partial="wallets/agencies/_archive.html",
        title="Archive",
        back=_page(account),
        context={"account": account, "holds": holds(open_wallet(account=account))},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def invite(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Send the first owner's invitation again, or to another address."""
    account = _own(request, account_id)
    waiting = seats.invitation_of(account=account)
    form = OwnerForm(request.POST or None, initial={"email": waiting.email if waiting else ""})
    seen.put(request, form, mark(waiting, fields=seats.SHOWN))
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            members.invite(
                account=account,
                email=email,
                role=Role.OWNER,
                invited_by=request.user,
                seen=seen.sent(request),
            )
        except Overtaken as error:
            waiting = seats.invitation_of(account=account)
            seen.come_back(request, form, error, now={"email": waiting.email})
        except AccountError as error:
            add_errors(form, error)
        else:
            return done(request, back=_page(account), text=f"Invitation sent to {email}.")
    return dialog(
        request,
        partial="wallets/agencies/_invite.html",
        title="Invite its owner",
        back=_page(account),
        context={"account": account, "form": form, "waiting": waiting},
        status=422 if request.method == "POST" else 200,
    )


@require_POST
@needs(Permission.SEE)
def withdraw(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = _own(request, account_id)
    try:
        seats.withdraw(account=account, seen=seen.sent(request))
    except Overtaken as error:
        return refused(request, back=_page(account), error=seen.refusal(request, error))
    except AccountError as error:
        return refused(request, back=_page(account), error=error)
    return done(request, back=_page(account), text="The invitation was withdrawn.")


def _own(request: HttpRequest, account_id: UUID) -> Account:
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    return account


def _page(account: Account) -> str:
    return reverse("wallets:account_manager_account", args=[account.pk])
