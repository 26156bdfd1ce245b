"""`expand[]`: puts the object where its id stands, as deep as Stripe does."""

from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError

MAX_EXPANSIONS = 20
MAX_EXPAND_DEPTH = 4  # Stripe's own limit.
LISTED_ROWS = 10  # As many as a list shows when nobody says how many.
# What the official types say of each kind of object; a test compares.
EXPANDABLE: dict[str, tuple[str, ...]] = {
    "account": (
        "company.verification.document.back",
        "company.verification.document.front",
        "external_accounts",
        "settings.branding.icon",
        "settings.branding.logo",
        "settings.invoices.default_account_tax_ids",
    ),
    "balance_transaction": ("source",),
    "charge": (
        "application",
        "application_fee",
        "balance_transaction",
        "customer",
        "failure_balance_transaction",
        "on_behalf_of",
        "outcome.rule",
        "payment_intent",
        "payment_method_details.bancontact.generated_sepa_debit",
        "payment_method_details.bancontact.generated_sepa_debit_mandate",
        "payment_method_details.ideal.generated_sepa_debit",
        "payment_method_details.ideal.generated_sepa_debit_mandate",
        "payment_method_details.sofort.generated_sepa_debit",
        "payment_method_details.sofort.generated_sepa_debit_mandate",
        "payment_method_details.us_bank_account.mandate",
        "refunds",
        "review",
        "source_transfer",
        "transfer",
        "transfer_data.destination",
    ),
    "checkout.session": (
        "automatic_tax.liability.account",
        "customer",
        "discounts.coupon",
        "discounts.promotion_code",
        "invoice",
        "invoice_creation.invoice_data.account_tax_ids",
        "invoice_creation.invoice_data.issuer.account",
        "line_items",
        "payment_intent",
        "payment_link",
        "setup_intent",
        "shipping_cost.shipping_rate",
        "shipping_options.shipping_rate",
        "subscription",
    ),
    "customer": (
        "default_source",
        "invoice_settings.default_payment_method",
        "sources",
        "subscriptions",
        "tax_ids",
        "test_clock",
    ),
    "dispute": (
        "charge",
        "evidence.cancellation_policy",
        "evidence.customer_communication",
        "evidence.customer_signature",
        "evidence.duplicate_charge_documentation",
        "evidence.receipt",
        "evidence.refund_policy",
        "evidence.service_documentation",
        "evidence.shipping_documentation",
        "evidence.uncategorized_file",
        "payment_intent",
    ),
    "event": (),
    "file": ("links",),
    "payment_intent": (
        "amount_details.line_items",
        "application",
        "customer",
        "latest_charge",
        "on_behalf_of",
        "payment_method",
        "review",
        "source",
        "transfer_data.destination",
    ),
    "payment_method": (
        "card.generated_from.setup_attempt",
        "customer",
        "sepa_debit.generated_from.charge",
        "sepa_debit.generated_from.setup_attempt",
    ),
    "refund": (
        "balance_transaction",
        "charge",
        "customer",
        "failure_balance_transaction",
        "payment_intent",
        "payment_method",
        "source_transfer_reversal",
        "transfer_reversal",
    ),
    "setup_intent": (
        "application",
        "customer",
        "latest_attempt",
        "mandate",
        "on_behalf_of",
        "payment_method",
        "single_use_mandate",
    ),
    "webhook_endpoint": (),
}
# Lists that stand in an object only when they are asked for, with where Stripe has them.
_LISTS = {
    "amount_details.line_items": "/v1/payment_intents/{id}/amount_details_line_items",
    "links": "/v1/file_links?file={id}",
    "line_items": "/v1/checkout/sessions/{id}/line_items",
    "refunds": "/v1/charges/{id}/refunds",
    "sources": "/v1/customers/{id}/sources",
    "subscriptions": "/v1/customers/{id}/subscriptions",
    "tax_ids": "/v1/customers/{id}/tax_ids",
}


def public(obj: dict) -> dict:
    return {key: value for key, value in obj.items() if key != "_sandbox"}


def render(store: Store, answer: dict, *, expand: list) -> dict:
    """The answer as its reader sees it: private facts out, what was asked for expanded."""
    if answer.get("object") == "list":
        shown = {**answer, "data": [public(item) for item in answer["data"]]}
    else:
        shown = public(answer)
    if len(expand) > MAX_EXPANSIONS:
        raise ApiError(f"You can expand at most {MAX_EXPANSIONS} properties.", param="expand")
    for path in expand:
        parts = str(path).split(".")
        if len(parts) > MAX_EXPAND_DEPTH:
            raise ApiError(
                f"You can expand at most {MAX_EXPAND_DEPTH} levels: {path}", param="expand"
            )
        _expand_object(store, shown, parts, told="")
    return shown


def _expand_object(store: Store, obj: dict, parts: list[str], *, told: str) -> None:
    """Expand a path that begins at an object, or at a list of them."""
    if obj.get("object") != "list":
        _expand_field(store, obj, obj, parts, within="", told=told)
    elif parts[0] != "data":
        raise _refused(
            told + parts[0], f" You may want to try expanding 'data.{told + parts[0]}' instead."
        )
    elif parts[1:]:
        for item in obj["data"]:
            _expand_object(store, item, parts[1:], told=f"{told}data.")


def _expand_field(
    store: Store, obj: dict, node: dict, parts: list[str], *, within: str, told: str
) -> None:
    """`node` is `obj` or a hash in it; `within` is the way there."""
    name, rest = parts[0], parts[1:]
    path, known = within + name, EXPANDABLE.get(obj["object"], ())
    if path in known and path in _LISTS:
        node[name] = node.get(name) or _listed(store, obj, path=path)
    elif path in known:
        if isinstance(node.get(name), str):
            node[name] = _object_of(store, node[name])
    elif not _may_be_a_hash(node, name) and not _leads_on(path, known):
        raise _refused(told + name)
    value = node.get(name)
    if not rest or not isinstance(value, dict):
        return
    if "object" in value:
        _expand_object(store, value, rest, told=f"{told}{name}.")
        return
    node[name] = dict(value)
    _expand_field(store, obj, node[name], rest, within=f"{path}.", told=f"{told}{name}.")


def _may_be_a_hash(node: dict, name: str) -> bool:
    """Stripe lets hashes and lists be named, too. Of what is null nothing here says what it is."""
    return name in node and (node[name] is None or isinstance(node[name], dict | list))


def _leads_on(path: str, known: tuple[str, ...]) -> bool:
    return any(one.startswith(f"{path}.") for one in known)


def _object_of(store: Store, id: str) -> dict | str:
    found = store.find_any(id)
    return public(found) if found else id


def _listed(store: Store, obj: dict, *, path: str) -> dict:
    found = []
    if path == "refunds":
        found = store.list(kind="refund", where={"charge": obj["id"]}, limit=LISTED_ROWS + 1)
    return {
        "object": "list",
        "data": [public(one) for one in found[:LISTED_ROWS]],
        "has_more": len(found) > LISTED_ROWS,
        "url": _LISTS[path].format(id=obj["id"]),
    }


def _refused(path: str, hint: str = "") -> ApiError:
    return ApiError(f"This property cannot be expanded ({path}).{hint}")
