"""The account page: who it is, what it holds and the proof of it, what happened."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime

from accounts.errors import Unusable
from accounts.models import Account, ApiKey, Membership
from accounts.people import searching
from thinkrr_billing.staff import first_minute, looking, timeline
from thinkrr_billing.staff.account_buttons import AccountButtons
from wallets.admin.base import amount_of
from wallets.books import proof
from wallets.cards import payment_methods
from wallets.models import AutoAllocation, AutoRecharge, Wallet
from wallets.stripe.dashboard import dashboard_url

admin.site.unregister(Account)


@admin.register(Account)
class AccountPage(AccountButtons):
    # The people stand above, with what staff may do.
    inlines = []
    change_form_outer_before_template = "staff/account.html"

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        found = searching.accounts(queryset, search_term) if search_term.strip() else queryset
        return found, False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        shown = page_context(request, account) if account else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})


def page_context(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What stands above the form: balances with their proof, state, people, and what happened."""
    wallet = Wallet.objects.filter(account=account).first()
    kind = request.GET.get("kind", "")
    return {
        "account": account,
        "wallet": wallet,
        "balances": [_balance(one) for one in proof.of(wallet)] if wallet else [],
        "automatic": AutoRecharge.objects.filter(wallet=wallet).select_related("wallet").first()
        if wallet
        else None,
        "allocation": AutoAllocation.objects.filter(account=account).first(),
        "cards": payment_methods.cards(account),
        "customer_link": dashboard_url(account.stripe_customer),
        "people": _people(request, account),
        "live_keys": ApiKey.objects.filter(account=account, revoked_at=None).count(),
        "timeline": timeline.of(account, before=_moment(request.GET.get("before")), kind=kind),
        "first": first_minute.of(account, wallet, staff=request.user),
        "kinds": timeline.KINDS.items(),
        "kind": kind,
    }


def _people(request: HttpRequest, account: Account) -> list[dict[str, Any]]:
    seats = Membership.objects.filter(account=account).select_related("user").order_by("pk")[:50]
    return [
        {"seat": seat, "may_look": looking.may_look(hijacker=request.user, hijacked=seat.user)}
        for seat in seats
    ]


def _moment(text: str | None) -> datetime | None:
    """Where older events begin; None without one. Raises Unusable."""
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Unusable("This is no moment of the timeline. Go back, and on from there.")
    return moment


def _balance(one: proof.Proof) -> dict[str, object]:
    """A pot as it is kept, and what proves it: all of its entries, or its newest of very many."""
    return {
        "pot": one.pot.label,
        "held": amount_of(one.pot, one.held),
        "proof": one,
        "said": "" if one.said is None else amount_of(one.pot, one.said),
    }
