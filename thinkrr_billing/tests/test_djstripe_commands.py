"""Each command that dj-stripe ships works with our settings, or says why not and what does."""

import pkgutil
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.utils import timezone
from djstripe.management import commands as theirs
from djstripe.models import APIKey, Customer, IdempotencyKey, PaymentMethod

from accounts.tests.builders import make_individual, make_user
from wallets.cards import payment_methods
from wallets.models import StripeEvent
from wallets.stripe import gateway, permissions
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card, make_wallet, stranger_pays

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

WORKING = {"djstripe_clear_expired_idempotency_keys", "djstripe_sync_models"}
REFUSING = {
    "djstripe_init_customers": "Renew the link to Stripe's customer",
    "djstripe_sync_customers": "Renew the link to Stripe's customer",
    "djstripe_process_events": "Apply again",
    "stripe_listen": "stripe listen --forward-to localhost:8000/stripe/webhook/",
}
KEY = "rk_test_" + "0" * 24 + "some"


def sync(*models: str, **options: object) -> list[str]:
    out = StringIO()
    call_command("djstripe_sync_models", *models, stdout=out, stderr=out, **options)
    return out.getvalue().splitlines()


def test_every_command_of_dj_stripe_has_its_answer():
    shipped = {module.name for module in pkgutil.iter_modules(theirs.__path__)}

    assert shipped == WORKING | set(REFUSING)
    ours = {name for name in shipped if get_commands()[name] == "thinkrr_billing"}
    assert ours == set(REFUSING) | {"djstripe_sync_models"}


@pytest.mark.parametrize(("command", "instead"), REFUSING.items())
def test_a_command_that_would_do_harm_says_what_to_do_instead(stripe, command, instead):
    make_user("ada@example.com")
    stripe.clear_requests()

    with pytest.raises(CommandError, match=instead):
        call_command(command)

    assert stripe.requests() == []
    assert not Customer.objects.exists()
    assert not StripeEvent.objects.exists()


def test_dj_stripes_own_arguments_lead_to_the_sentence_as_well():
    with pytest.raises(CommandError, match="Apply again"):
        call_command("djstripe_process_events", "--type", "invoice.*")


def test_old_idempotency_keys_of_dj_stripe_are_cleared():
    old = IdempotencyKey.objects.create(action="customer:1", livemode=False)
    young = IdempotencyKey.objects.create(action="customer:2", livemode=False)
    IdempotencyKey.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=2))

    call_command("djstripe_clear_expired_idempotency_keys")

    assert list(IdempotencyKey.objects.all()) == [young]


@pytest.mark.parametrize("models", [(), ("Customer", "PaymentMethod"), ("PaymentMethod",)])
def test_all_that_we_mirror_is_read_again(stripe, models):
    """An empty mirror is filled: a new database, or a table that was emptied."""
    wallets = [make_wallet(), make_wallet()]
    cards = [add_card(stripe, wallet) for wallet in wallets]
    cards.append(add_card(stripe, wallets[0], OTHER_GOOD_CARD))
    stranger_pays(stripe)
    PaymentMethod.objects.all().delete()
    Customer.objects.all().delete()

    said = sync(*models)

    assert said[-1] == "Read again: 2 customers, 3 cards."
    assert set(PaymentMethod.objects.values_list("id", flat=True)) == {card.id for card in cards}
    assert Customer.objects.count() == 2
    assert len(payment_methods.cards(wallets[0].account)) == 2


def test_customers_alone_are_read_again(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    gateway._stripe().customers.update(wallet.account.stripe_customer, {"name": "Of another name"})
    PaymentMethod.objects.all().delete()

    assert sync("Customer")[-1] == "Read again: 1 customers."

    assert Customer.objects.get().stripe_data["name"] == "Of another name"
    assert not PaymentMethod.objects.exists()


def test_nobody_but_our_customers_is_read_and_nothing_is_written_at_stripe(stripe, settings):
    add_card(stripe, make_wallet())
    make_individual()
    allowed = dict.fromkeys((one.resource for one in permissions.needed()), "read")
    settings.STRIPE_SECRET_KEY = stripe.describe_key(KEY, permissions=allowed)
    stripe.clear_requests()

    assert sync()[-1] == "Read again: 1 customers, 1 cards."

    assert [one["method"] for one in stripe.requests()] == ["GET", "GET"]
    assert not APIKey.objects.exists()


def test_a_customer_that_is_gone_is_named_and_the_others_are_read(stripe):
    gone, there = make_wallet(), make_wallet()
    for wallet in (gone, there):
        add_card(stripe, wallet)
    gateway._stripe().customers.delete(gone.account.stripe_customer)
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("djstripe_sync_models", stdout=out)

    assert out.getvalue().splitlines() == [
        f"{gone.account.stripe_customer} of {gone.account.name} is not at Stripe any more: "
        "“Renew the link to Stripe's customer” on the account's page.",
        "Read again: 1 customers, 1 cards.",
    ]


def test_while_stripe_does_not_answer_it_says_so(stripe):
    add_card(stripe, make_wallet())
    stripe.fault(kind="500_before", path="/v1/customers", times=None)

    with pytest.raises(CommandError, match="Stripe did not answer: .* Run it again"):
        sync()


@pytest.mark.parametrize("model", ["Charge", "Event", "Account", "Nonsense"])
def test_what_we_do_not_mirror_is_refused(stripe, model):
    stripe.clear_requests()

    with pytest.raises(CommandError, match=f"{model} is not mirrored. Customer and PaymentMethod"):
        sync(model)

    assert stripe.requests() == []


def test_keys_are_not_given_on_the_command_line(stripe):
    stripe.clear_requests()

    with pytest.raises(CommandError, match="STRIPE_SECRET_KEY"):
        sync(api_keys=["sk_test_" + "1" * 24])

    assert stripe.requests() == []
