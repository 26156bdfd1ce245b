"""Keys: restricted ones, rolled ones, and those of another account."""

from collections.abc import Callable

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.process import SandboxError
from thinkrr_billing.sandbox.stripe.state.secret_keys import ACCOUNT_ID

RESTRICTED = "rk_test_" + "0" * 24 + "abcd"
ROLLED = "sk_test_" + "1" * 24
OF_OTHERS = "sk_test_" + "2" * 24
OTHERS = "acct_1SomebodyElse000"


@pytest.fixture
def with_key(sandbox) -> Callable[..., stripe.StripeClient]:
    """The SDK, with a key that was described so."""

    def made(key: str, **facts: object) -> stripe.StripeClient:
        sandbox.describe_key(key, **facts)
        return stripe.StripeClient(
            key, base_addresses={"api": sandbox.base_url}, max_network_retries=0
        )

    return made


def test_a_restricted_key_without_the_permission_is_refused_and_told_which(with_key):
    client = with_key(RESTRICTED, permissions={"customer": "read"})

    with pytest.raises(stripe.PermissionError) as refusal:
        client.v1.customers.create({"name": "A"})

    error = refusal.value.json_body["error"]
    assert (refusal.value.http_status, error["type"]) == (403, "invalid_request_error")
    assert "code" not in error
    assert error["message"] == (
        f"The provided key 'rk_test_{'*' * 24}abcd' does not have the required permissions for "
        f"this endpoint on account '{ACCOUNT_ID}'. Having the 'rak_customer_write' permission "
        "would allow this request to continue."
    )
    assert client.v1.customers.list().data == []


def test_what_may_be_written_may_be_read(with_key):
    client = with_key(RESTRICTED, permissions={"customer": "write"})

    customer = client.v1.customers.create({"name": "A"})

    assert client.v1.customers.retrieve(customer.id).name == "A"


@pytest.mark.parametrize(
    ("ask", "lacks"),
    [
        (lambda v1, _: v1.accounts.retrieve_current(), "accounts_kyc_basic_read"),
        (lambda v1, _: v1.files.retrieve("file_1"), "file_read"),
        (lambda v1, _: v1.refunds.list(), "charge_read"),
        (lambda v1, _: v1.balance_transactions.list(), "balance_transaction_source_read"),
        (lambda v1, _: v1.checkout.sessions.list(), "checkout_session_read"),
        (lambda v1, _: v1.webhook_endpoints.list(), "webhook_read"),
        (lambda v1, cus: v1.customers.payment_methods.list(cus), "payment_method_read"),
        (lambda v1, cus: v1.payment_intents.list({"customer": cus}), "payment_intent_read"),
        (lambda v1, _: v1.disputes.list(), "dispute_read"),
        (lambda v1, _: v1.events.list(), "event_read"),
    ],
)
def test_each_resource_is_guarded(with_key, customer, ask, lacks):
    client = with_key(RESTRICTED, permissions={"customer": "write"})

    with pytest.raises(stripe.PermissionError, match=f"'rak_{lacks}'"):
        ask(client.v1, customer)


def test_what_is_expanded_needs_its_own_permission(with_key, pay, sandbox, customer):
    paid = pay(sandbox.add_card(customer)["id"])
    client = with_key(RESTRICTED, permissions={"payment_intent": "read"})

    assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"
    with pytest.raises(stripe.PermissionError, match="'rak_charge_read'"):
        client.v1.payment_intents.retrieve(paid.id, {"expand": ["latest_charge"]})


def test_a_key_that_was_rolled_away_is_expired(with_key):
    client = with_key(ROLLED, expired=True)

    with pytest.raises(stripe.AuthenticationError, match="Expired API Key") as refusal:
        client.v1.customers.list()

    # The SDK leaves `code` of these two errors empty; the body has it.
    assert (refusal.value.http_status, refusal.value.error.code) == (401, "api_key_expired")


def test_a_key_of_another_account_sees_nothing_of_ours(with_key, customer):
    others = with_key(OF_OTHERS, account=OTHERS)

    assert others.v1.accounts.retrieve_current().id == OTHERS
    assert others.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        others.v1.customers.retrieve(customer)


def test_idempotency_keys_of_two_accounts_do_not_meet(with_key, client):
    others = with_key(OF_OTHERS, account=OTHERS)
    ours = client.v1.customers.create({"name": "A"}, {"idempotency_key": "one"})

    theirs = others.v1.customers.create({"name": "B"}, {"idempotency_key": "one"})

    assert theirs.id != ours.id
    assert others.v1.customers.create({"name": "B"}, {"idempotency_key": "one"}).id == theirs.id


def test_acting_in_an_account_that_is_not_the_keys_is_refused(client):
    assert client.v1.customers.list({}, {"stripe_account": ACCOUNT_ID}).data == []
    with pytest.raises(stripe.PermissionError) as refusal:
        client.v1.customers.list({}, {"stripe_account": OTHERS})

    assert refusal.value.error.code == "account_invalid"


def test_the_account_shows_its_pictures(client, sandbox):
    sandbox.set_branding(icon="file_icon1", logo="file_logo1")

    branding = client.v1.accounts.retrieve_current().settings.branding
    icon = client.v1.files.retrieve(branding.icon)

    assert (branding.icon, branding.logo) == ("file_icon1", "file_logo1")
    assert {one.id for one in client.v1.files.list().data} == {"file_icon1", "file_logo1"}
    assert (icon.id, icon.object, icon.purpose) == ("file_icon1", "file", "business_icon")
    with pytest.raises(stripe.InvalidRequestError, match="No such file: 'file_none'"):
        client.v1.files.retrieve("file_none")


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"key": RESTRICTED, "permissions": {"unicorn": "read"}}, "unicorn"),
        ({"key": RESTRICTED, "permissions": {"customer": "often"}}, "often"),
        ({"key": ROLLED, "permissions": {"customer": "read"}}, "rk_test_"),
        ({"key": ROLLED, "colour": "red"}, "colour"),
    ],
)
def test_a_key_described_wrongly_is_refused(sandbox, facts, says):
    with pytest.raises(SandboxError, match=says):
        sandbox.call("POST", "keys", facts)


def test_a_reset_forgets_what_was_said_of_keys(sandbox, with_key):
    client = with_key(ROLLED, expired=True)

    sandbox.reset()

    assert client.v1.customers.list().data == []
