"""Who sells, set anew for a country or everybody else; and what papers froze. None is edited."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.models.accounts import COUNTRY
from wallets.admin.base import ReadOnly
from wallets.models import Parties, Seller
from wallets.support import selling


class SellerForm(ReasonForm):
    country = forms.CharField(
        label="Buyers of country",
        required=False,
        max_length=2,
        validators=[COUNTRY],
        widget=UnfoldAdminTextInputWidget,
        help_text="Two capital letters, like US. Empty: everybody else.",
    )
    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    address = forms.CharField(
        max_length=400, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    tax_id = forms.CharField(
        label="Tax ID", max_length=40, required=False, widget=UnfoldAdminTextInputWidget
    )
    tax_sentence = forms.CharField(
        label="What papers say of tax",
        max_length=200,
        initial="No tax charged",
        widget=UnfoldAdminTextInputWidget,
    )

    def warning(self) -> str:
        return "Receipts that are paid keep the seller they have."


@admin.register(Seller)
class SellerAdmin(ReadOnly):
    list_display = ["country", "name", "tax_id", "tax_sentence", "created_at", "created_by"]
    list_select_related = ["created_by"]
    ordering = ["-pk"]
    actions_list = ["set_seller"]

    @staff_action(
        title="Set the seller",
        permission="wallets.set_seller",
        button="Set",
        form=SellerForm,
        icon="storefront",
    )
    def set_seller(self, subject: None, form: SellerForm, request: HttpRequest) -> str:
        names = ("country", "name", "address", "tax_id", "tax_sentence")
        facts = {name: form.cleaned_data[name] for name in names}
        return f"{selling.set_seller(**facts, actor=request.user)}, from now on."


@admin.register(Parties)
class PartiesAdmin(ReadOnly):
    list_display = ["purchase", "seller_name", "buyer_name", "buyer_country", "buyer_tax_id"]
    list_select_related = ["purchase"]
    search_fields = ["purchase__id__exact", "purchase__wallet__account__id__exact"]
    search_help_text = "The id of a purchase, or of an account"
    ordering = ["-pk"]
