"""Account Manager: an agency's sub-accounts, and adding one."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from accounts.errors import AccountError
from accounts.pages import needs
from accounts.people import access
from accounts.people.access import Permission
from accounts.views.dialogs import add_errors, dialog, done
from wallets.allocations import sub_accounts
from wallets.balances import opening
from wallets.views.forms import SubAccountForm
from wallets.views.sub_account import may_allocate, next_charge

PAGE_SIZE = 25


@require_safe
@needs(Permission.SEE)
def account_manager(request: HttpRequest) -> HttpResponse:
    access.require_agency(account=request.account)
    asked = {name: request.GET.get(name, "").strip() for name in ("search", "status", "sort")}
    rows = sub_accounts.sub_accounts(
        agency=request.account,
        search=asked["search"][:100],
        status=asked["status"],
        sort=asked["sort"] or "name",
    )
    rows = sub_accounts.with_payments(rows, agency=request.account)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    today = request.account.local_date(clock.now())
    for account in page:
        account.next_charge = next_charge(account, today)
        account.may_allocate = may_allocate(request)
    context = {
        "page": page,
        "counts": sub_accounts.counts(agency=request.account),
        "asked": asked,
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "may_add": Permission.MONEY in request.permissions,
    }
    return render(request, "wallets/account_manager.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def add_sub_account(request: HttpRequest) -> HttpResponse:
    access.require_agency(account=request.account)
    back = reverse("wallets:account_manager")
    form = SubAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            account = opening.add_sub_account(
                agency=request.account, invited_by=request.user, **form.cleaned_data
            )
        except AccountError as error:
            add_errors(form, error)
        else:
            email = form.cleaned_data["owner_email"]
            return done(request, back=back, text=f"{account.name} added. {email} was invited.")
    return dialog(
        request,
        partial="wallets/_add_sub_account.html",
        title="Add sub-account",
        back=back,
        context={"form": form},
        status=422 if request.method == "POST" else 200,
    )
