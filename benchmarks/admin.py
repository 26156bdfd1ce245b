"""The admin with 1,000,000 wallets and 10,000,000 entries: what every page costs.

Asked through Django's test client, as a superuser who has passed the second factor. Takes a
quarter of an hour and 8 GB, so `make bench` leaves it out: `make bench ARGS=admin`.
"""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_static.models import StaticDevice

from accounts import clock
from accounts.models import Account, User
from benchmarks.admin_rows import fill
from wallets.models import Purchase, Wallet

ROUNDS = 5
MOST_MS = 300  # The most a page of the admin may take.


def run() -> None:
    print("\nFilling a database with 1,000,000 wallets and 10,000,000 entries")
    fill()
    measure()


def measure() -> None:
    """Print every page's times over several requests, the slowest one not counted.

    On a busy machine read the fastest; SQL is what the database took of that one.
    """
    client = _client()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    print(f"{'page':52} {'median':>8} {'fastest':>8} {'slowest':>8} {'SQL':>8} queries")
    over = [name for name, address in pages() if _measure(client, name, address) > MOST_MS]
    print(f"{len(over)} pages over {MOST_MS} ms" if over else f"No page over {MOST_MS} ms")


def _client() -> Client:
    person = User.objects.create_superuser(f"bench-{time.time()}@example.com", "bench")
    device = StaticDevice.objects.create(user=person, name="Bench")
    client = Client(headers={"host": "testserver"})
    client.force_login(person)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()
    return client


class Spent:
    """What the statements of one request took."""

    def __init__(self) -> None:
        self.ms, self.queries = 0.0, 0

    def __call__(self, execute, sql, params, many, context):
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.ms += (time.perf_counter() - began) * 1000
            self.queries += 1


def _measure(client: Client, name: str, address: str) -> float:
    rounds = sorted(_ask(client, address) for _ in range(ROUNDS + 1))[:ROUNDS]
    found, slowest = median(ms for ms, _, _ in rounds), rounds[-1][0]
    fastest, sql, queries = rounds[0]
    mark = f"  over {MOST_MS} ms" if found > MOST_MS else ""
    print(
        f"{name[:52]:52} {found:5.0f} ms {fastest:5.0f} ms {slowest:5.0f} ms {sql:5.0f} ms"
        f" {queries:3}{mark}",
        flush=True,
    )
    return found


def _ask(client: Client, address: str) -> tuple[float, float, int]:
    """Milliseconds of the request, of its SQL, and how many statements it had."""
    spent, began = Spent(), time.perf_counter()
    with connection.execute_wrapper(spent):
        answer = client.get(address, secure=True, follow=True)
        if answer.streaming:
            next(iter(answer.streaming_content))
    took = (time.perf_counter() - began) * 1000
    if answer.streaming:
        answer.close()
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}.")
    return took, spent.ms, spent.queries


def pages() -> Iterator[tuple[str, str]]:
    """Every page with every filter it offers, and what staff type into its search."""
    yield "Dashboard", reverse("admin:index")
    yield from _searches()
    busy = Wallet.objects.get(pk=1).account_id
    quiet = Wallet.objects.get(pk=777_777).account_id
    agency = Wallet.objects.get(pk=500_000).account_id
    for name, pk in (("busy", busy), ("quiet", quiet), ("agency", agency)):
        address = reverse("admin:accounts_account_change", args=[pk])
        yield f"Account, {name}", address
        yield f"Account, {name}: ledger", f"{address}?kind=ledger"
        yield f"Account, {name}: half a year ago", f"{address}?before={_ago(180)}"
    yield from _lists()
    yield from _of_one(busy, quiet, agency)


def _ago(days: int) -> str:
    return (clock.now() - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _searches() -> Iterator[tuple[str, str]]:
    account = Account.objects.get(stripe_customer="cus_300000")
    purchase = Purchase.objects.get(payment_intent="pi_300000")
    for text in (
        "Northside Dental 13",
        "Northside",
        "Group",
        "no",
        "person300000@",
        "person3000@harbor.example",
        str(account.pk),
        str(purchase.pk),
        "4242",
        "cus_300000",
        "pm_300000",
        "pi_300000",
        "re_300000",
        "evt_300000",
        "reminders",
        "camp-300000",
        "call-300000",
        "zebra",
    ):
        yield f"Search: {text}", f"{reverse('admin:find')}?q={text}"


# What people type into the search of a list.
TYPED = {
    "accounts.account": ("Group", "Northside Dental", "cus_300000", "person300000@"),
    "accounts.user": ("person3", "person300000@harbor.example", "Person"),
    "accounts.apikey": ("p300000", "Key 3000"),
    "accounts.invitation": ("invited3000",),
    "accounts.auditentry": ("request-300001", "300001", "person300001@"),
    "accounts.staffaction": ("person1@", "request-300000"),
    "accounts.failedlogin": ("person3000", "192.0.2"),
    "campaigns.campaign": ("reminders", "camp-300000"),
    "campaigns.call": ("call-300000",),
    "djstripe.customer": ("cus_300000",),
    "djstripe.paymentmethod": ("pm_300000",),
    "wallets.wallet": ("Group", "cus_300000", "person300000@"),
    "wallets.purchase": ("pi_300000", "301000"),
    "wallets.reversal": ("re_300000", "Northside"),
    "wallets.stripeevent": ("evt_300000", "payment_intent"),
}


def _lists() -> Iterator[tuple[str, str]]:
    for model, page in sorted(admin.site._registry.items(), key=lambda one: one[0]._meta.label):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        address = reverse(f"{name}_changelist")
        label = model._meta.label_lower
        yield label, address
        yield f"{label}, page 20", f"{address}?p=20"
        for text in TYPED.get(label, ()):
            yield f"{label}: {text}", f"{address}?q={text}"
        for query in filters_of(page, address):
            yield f"{label}?{query}", f"{address}?{query}"
        yield f"{label} as CSV", reverse(f"{name}_export")


def filters_of(page: admin.ModelAdmin, address: str) -> Iterator[str]:
    """The query of every choice of every filter of a list."""
    from django.test import RequestFactory

    request = RequestFactory().get(address)
    request.user = User.objects.filter(is_superuser=True).first()
    changes = page.get_changelist_instance(request)
    for spec in changes.filter_specs:
        if hasattr(spec, "choices") and "range" not in type(spec).__name__.lower():
            for choice in list(spec.choices(changes))[1:8]:
                if query := choice.get("query_string", "").lstrip("?"):
                    yield query


def _of_one(*accounts: object) -> Iterator[tuple[str, str]]:
    """The lists of one account, as its page leads to them."""
    for account in accounts:
        wallet = Wallet.objects.get(account=account).pk
        for model, key, value in (
            ("wallets_ledgerentry", "wallet__id__exact", wallet),
            ("wallets_purchase", "payer__id__exact", account),
            ("wallets_loggeddecision", "wallet__id__exact", wallet),
            ("campaigns_call", "account__id__exact", account),
            ("campaigns_campaign", "account__id__exact", account),
            ("accounts_notification", "account__id__exact", account),
            ("accounts_auditentry", "account_id__exact", account),
            ("accounts_account", "agency__id__exact", account),
        ):
            yield (
                f"{model} of wallet {wallet}",
                f"{reverse(f'admin:{model}_changelist')}?{key}={value}",
            )
        entries = reverse("admin:wallets_ledgerentry_changelist")
        yield (
            f"entries of wallet {wallet}, premium",
            (f"{entries}?wallet__id__exact={wallet}&pot__exact=premium"),
        )
