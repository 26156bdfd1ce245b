"""Who sells, set anew for a country or everybody else; and what papers froze. None is edited."""

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import countries
from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.forms import CountryField
from wallets.admin.base import ReadOnly
from wallets.models import Parties, Seller
from wallets.support import selling

EVERYBODY_ELSE = "Everybody else"


class SellerForm(ReasonForm):
    country = CountryField(
        label="Buyers of country",
        empty=EVERYBODY_ELSE,
        widget=UnfoldAdminSelectWidget,
        help_text="By the billing country of the account that pays. Who has none, or one that no "
        "seller is set for, buys from the seller for everybody else.",
    )
    name = forms.CharField(
        max_length=120,
        widget=UnfoldAdminTextInputWidget,
        help_text="As it is registered. Receipts, credit notes and statements begin with it.",
    )
    address = forms.CharField(
        max_length=400,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="A line each, as it is printed; the country in the last.",
    )
    tax_id = forms.CharField(
        label="Tax ID",
        max_length=40,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as a VAT number, with the letters of its country.",
    )
    tax_sentence = forms.CharField(
        label="What papers say of tax",
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="One sentence, such as “No tax charged” or “Reverse charge: the recipient owes "
        "the tax”. We charge no tax; your tax adviser says what has to stand here.",
    )

    def facts(self) -> list[tuple[str, object]]:
        """Who is in force: what the change replaces."""
        newest = Seller.objects.order_by("country", "-pk").distinct("country")
        found = [(_country(one.country), selling.told(one)) for one in newest]
        return found or [("In force", "Nobody: receipts say that the seller is not named yet.")]

    def warning(self) -> str:
        return (
            "Receipts that are paid keep the seller they have; those that name none yet take the "
            "first that is set for their buyer, for good."
        )


@admin.register(Seller)
class SellerAdmin(ReadOnly):
    list_display = ["sells_to", "name", "tax_id", "tax_sentence", "in_force", "created_at"]
    list_display += ["created_by"]
    list_select_related = ["created_by"]
    ordering = ["-pk"]
    actions_list = ["set_seller"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seller]:
        newer = Seller.objects.filter(country=OuterRef("country"), pk__gt=OuterRef("pk"))
        return super().get_queryset(request).annotate(is_in_force=~Exists(newer))

    @admin.display(description="buyers of", ordering="country")
    def sells_to(self, seller: Seller) -> str:
        return _country(seller.country)

    @admin.display(description="in force", boolean=True)
    def in_force(self, seller: Seller) -> bool:
        return seller.is_in_force

    @staff_action(
        title="Set the seller",
        permission="wallets.set_seller",
        button="Set",
        text="Who sells, as it stands on every paper from now on.",
        form=SellerForm,
        icon="storefront",
    )
    def set_seller(self, subject: None, form: SellerForm, request: HttpRequest) -> str:
        names = ("country", "name", "address", "tax_id", "tax_sentence")
        facts = {name: form.cleaned_data[name] for name in names}
        before = selling.told(selling.before(facts["country"]))
        return f"{selling.set_seller(**facts, actor=request.user)}, from now on. Before: {before}."


@admin.register(Parties)
class PartiesAdmin(ReadOnly):
    list_display = ["purchase", "seller_name", "buyer_name", "buyer_country", "buyer_tax_id"]
    list_select_related = ["purchase"]
    search_fields = ["purchase__id__exact", "purchase__wallet__account__id__exact"]
    search_help_text = "The id of a purchase, or of an account"
    ordering = ["-pk"]


def _country(code: str) -> str:
    return countries.name_of(code) if code else EVERYBODY_ELSE
