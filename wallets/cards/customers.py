"""The account's customer at Stripe: made once, and anew when Stripe has none any more."""

import logging
import time
from datetime import timedelta

from django.db import transaction

from accounts import clock
from accounts.cells import directory
from accounts.models import Account, Membership, Role
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)

# Stripe keeps the first answer under an idempotency key for at least a day.
KEYS_LIVE = timedelta(days=2)


def ensure(*, account: Account) -> str:
    """The account's customer, created once under the key `customer:<account>`.

    Raises GatewayError; and NoCell where the account has moved meanwhile, and nothing is noted.
    """
    account.refresh_from_db(fields=["stripe_customer", "former_customers"])
    if account.stripe_customer:
        return account.stripe_customer
    customer = _create(account, key=f"customer:{account.pk}")
    # Only where the account is still: it may have moved to another cell while Stripe was asked.
    with directory.still_here(), transaction.atomic():
        Account.objects.filter(pk=account.pk, stripe_customer=None).update(stripe_customer=customer)
        account.refresh_from_db(fields=["stripe_customer"])
        directory.note_customer(customer)
    return account.stripe_customer


def replace(*, account: Account, gone: str) -> str:
    """A new customer instead of one that Stripe has no more. Safe to repeat and to race.

    Payments of the old one stay the account's (`Account.customers`). Raises what `ensure` raises.
    """
    made = _create(account, key=f"customer:{account.pk}:after:{gone}")
    with directory.still_here(), transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        directory.note_customer(made)
        if locked.stripe_customer == gone:
            locked.stripe_customer = made
            locked.former_customers = [gone, *(locked.former_customers or [])]
            locked.save(update_fields=["stripe_customer", "former_customers"])
    account.refresh_from_db(fields=["stripe_customer", "former_customers"])
    return account.stripe_customer


def is_gone(*, customer: str) -> bool:
    """Whether Stripe has deleted this customer, or never had it. Raises GatewayError."""
    try:
        return bool(gateway.retrieve_customer(customer=customer).get("deleted"))
    except answers.Impossible as error:
        if error.customer_is_gone:
            return True
        raise


def _create(account: Account, *, key: str) -> str:
    """With its owner's address; without one when Stripe refuses that: a mail is worth no card."""
    try:
        return _create_once(account, key=key, email=_email(account))
    except answers.Impossible as error:
        if not error.email_is_refused:
            raise
    customer = _create_once(account, key=f"{key}:no-email", email="")
    alert_staff(
        kind="customer_without_email",
        text=(
            f"Stripe refuses the e-mail address of {account.name}'s owner, so its customer "
            f"{customer} has none."
        ),
        data={"account": str(account.pk)},
        dedupe_key=f"customer-without-email:{customer}",
    )
    return customer


def _create_once(account: Account, *, key: str, email: str) -> str:
    """Under a key that Stripe answers afresh: a failure, or the account under another name or
    address, may stand under this one for a day. What that call made is taken, if it made any."""
    try:
        return _asked(account, key=key, email=email)
    except answers.KeyConflict:
        pass
    except answers.Unknown as error:
        if not error.replayed:
            raise
    return _made_before(account) or _create_once(account, key=f"{key}:again", email=email)


def _asked(account: Account, *, key: str, email: str) -> str:
    """Another request may be at the same at this moment: then its answer is ours, too."""
    facts = {"name": account.name, "metadata": {"account": str(account.pk)}}
    for _ in range(limits.SAME_CUSTOMER_WAITS):
        try:
            return gateway.create_customer(key=key, email=email, **facts)
        except answers.Unexecuted as error:
            if error.code != "idempotency_key_in_use":
                raise
        time.sleep(limits.SAME_CUSTOMER_WAIT.total_seconds())
    return gateway.create_customer(key=key, email=email, **facts)


def _made_before(account: Account) -> str:
    """A customer whose id never reached us, by our id in its metadata; "" when there is none."""
    ours = (
        customer["id"]
        for customer in gateway.customers_since(since=clock.now() - KEYS_LIVE)
        if (customer.get("metadata") or {}).get("account") == str(account.pk)
        and customer["id"] not in account.customers
    )
    return next(ours, "")


def _email(account: Account) -> str:
    owners = Membership.objects.filter(account=account, role=Role.OWNER)
    return owners.order_by("pk").values_list("user__email", flat=True).first() or ""
