"""No setting, role, right, key, rate or member of the staff changes without a note, however raw."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import clock
from accounts.audit import requests
from accounts.audited import watch
from accounts.models import AuditEntry, Invitation, RecoveryCode, WebhookEndpoint
from accounts.tests.builders import (
    make_agency,
    make_individual,
    make_key,
    make_staff,
    make_sub_account,
)
from campaigns.tests.builders import make_campaign
from thinkrr_billing.staff.groups import SUPPORT
from thinkrr_billing.staff.tests.phone import press, staff_client
from wallets.allocations import asks
from wallets.models import (
    AdjustmentRequest,
    Alert,
    BillingAddress,
    ChargeSwitch,
    MinuteRate,
    Seller,
    SlackHook,
)
from wallets.models.wallet import RESERVED
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import allocate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# What moves by itself all the time, and what only says how a page looks. Everything else is a
# setting: a new column of these tables is noted, or it has to be written down here.
NOT_SETTINGS = {
    "wallets_alert": {
        *("id", "look_at", "tries", "rests_until", "armed", "crossed_at", "about"),
        *("seen_at", "told_at", "created_at", "created_by_id"),
    },
    "wallets_slackhook": {"id", "added_at", "added_by_id", "worked_at", "disabled_because"},
    "accounts_user": {"last_login", "theme"},
    "accounts_account": {"billing_asked_at"},
    "accounts_apikey": {"last_used_at"},
    "accounts_invitation": {"mail_due_at", "mail_attempts", "mailed_at"},
    "otp_totp_totpdevice": {
        "drift",
        "last_t",
        "last_used_at",
        "throttling_failure_timestamp",
        "throttling_failure_count",
    },
    "otp_static_staticdevice": {
        "last_used_at",
        "throttling_failure_timestamp",
        "throttling_failure_count",
    },
    "wallets_autorecharge": {
        "consecutive_declines",
        "not_before",
        "hold_reason",
        "due_since",
        "low_armed",
        "low_since",
        "minutes_armed",
        "minutes_low_since",
        "failed_fingerprint",
        "updated_at",
        "look_at",
        "low_look_at",
        "low_tries",
        "low_rests_until",
        "minutes_look_at",
        "minutes_tries",
        "minutes_rests_until",
        "tries",
        "rests_until",
    },
    "wallets_autoallocation": {"updated_at", "look_at"},
    # Sums of what running calls hold; the books prove them.
    "wallets_wallet": RESERVED,
    "accounts_webhookendpoint": {
        *("id", "worked_at", "troubled_since", "created_at", "disabled_because"),
    },
    "wallets_billingaddress": {"statement_month", "statement_due_at"},
    "campaigns_campaign": {"updated_at", "look_at"},
}
WITHOUT_WALLET = """(SELECT id FROM accounts_account
    WHERE id NOT IN (SELECT account_id FROM wallets_wallet))"""
# By type: values that are not what a row has now; the first that the table accepts is written.
OTHERS = {
    "bool": ["NOT {}"],
    "timestamptz": ["now() - interval '3 days'"],
    "date": ["'2020-02-02'"],
    "jsonb": ["'{{\"another\": 1}}'"],
    "_varchar": ["ARRAY['read']::varchar[]", "ARRAY['another']::varchar[]", "'{{}}'"],
    "uuid": [WITHOUT_WALLET, "gen_random_uuid()"],
    "inet": ["'192.0.2.9'"],
    "numeric": ["{} + 1", "{} - 1", "7"],
    "varchar": [
        "'another'",
        "'UTC'",
        "'member'",
        "'closed'",
        "'individual'",
        "'basic'",
        "'support'",
        "'manual'",
        "'started'",
    ],
}
NUMBERS = ["{} + 1", "{} - 1", "7"]


@pytest.fixture
def _rows() -> None:
    """A row in every table that is watched."""
    agency = make_wallet(account=make_agency())
    wallet = make_wallet(account=make_sub_account(agency=agency.account))
    allocate(wallet)
    make_campaign(wallet.account)
    make_key(wallet.account, "calls")
    set_auto_recharge(wallet, monthly_limit=500)
    make_individual()
    person = make_staff(SUPPORT)
    person.user_permissions.add(Permission.objects.first())
    TOTPDevice.objects.create(user=person, name="Phone")
    StaticToken.objects.create(
        device=StaticDevice.objects.create(user=person, name="Codes"), token="code"
    )
    RecoveryCode.objects.create(user=person, code_hash="hash")
    Invitation.objects.create(
        account=wallet.account, email="b@example.com", role="admin", expires_at=clock.now()
    )
    AdjustmentRequest.objects.create(
        wallet=wallet, pot="credit", amount=500, note="x", form_key="a", asked_by=person
    )
    ChargeSwitch.objects.create(reason="A restore", changed_by=person)
    BillingAddress.objects.create(account=wallet.account, email="books@example.com")
    Seller.objects.create(name="Sellers Inc", tax_sentence="No tax charged")
    Alert.objects.create(wallet=wallet, kind="balance", level=25)
    SlackHook.objects.create(wallet=wallet, secret_path="/services/TEAMX/BOTXX/abcdefghijklmnop")
    WebhookEndpoint.objects.create(
        account=wallet.account, url="https://example.com/", secret="signs"
    )
    asks.ask(account=wallet.account, actor=person, basic_minutes=5, premium_minutes=0, words="")
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def columns(table: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, udt_name FROM information_schema.columns"
            " WHERE format('%%I.%%I', table_schema, table_name)::regclass = %s::regclass"
            " ORDER BY ordinal_position",
            [table],
        )
        return cursor.fetchall()


def write_raw(table: str, column: str, kind: str) -> bool:
    """Change the column of one row past all of our code. False when the database refuses."""
    for value in OTHERS.get(kind, NUMBERS):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    f'UPDATE {table} SET "{column}" = {value.format(column)} WHERE id ='
                    f" (SELECT id FROM {table} ORDER BY id DESC LIMIT 1) AND"
                    f' "{column}" IS DISTINCT FROM {value.format(column)}'
                )
                if cursor.rowcount:
                    return True
        except DatabaseError:
            continue
    return False


@pytest.mark.usefixtures("owner")
def test_a_change_of_a_shard_is_noted_as_one_of_its_table():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shop_call_102008 (id integer, account_id uuid)")
        cursor.execute(watch("shop_call_102008"))
        cursor.execute("INSERT INTO shop_call_102008 VALUES (7, NULL)")

    entry = AuditEntry.objects.latest("pk")
    assert (entry.table, entry.operation, entry.row) == ("shop_call", "insert", "7")


@pytest.mark.usefixtures("_rows", "owner")
@pytest.mark.parametrize("table", sorted(requests.watched()))
def test_a_raw_update_of_any_setting_is_noted_with_before_and_after(table):
    silent, noted = [], 0
    for column, kind in columns(table):
        if column in NOT_SETTINGS.get(table, ()):
            continue
        before = AuditEntry.objects.filter(table=table).count()
        if not write_raw(table, column, kind):
            continue
        entry = AuditEntry.objects.filter(table=table).latest("pk")
        grown = AuditEntry.objects.filter(table=table).count() - before
        if grown != 1 or column not in entry.before or column not in entry.after:
            silent.append(column)
        noted += 1

    assert silent == []
    # What was set or asked for is never changed at all.
    assert noted or table in ("wallets_minuterate", "wallets_adjustmentrequest", "wallets_seller")


@pytest.mark.usefixtures("owner")
def test_emptying_a_table_of_settings_is_noted():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE otp_static_statictoken, auth_group_permissions")

    emptied = AuditEntry.objects.filter(operation="truncate").values_list("table", flat=True)
    assert set(emptied) == {"otp_static_statictoken", "auth_group_permissions"}


def test_a_deleted_second_factor_a_role_and_a_member_are_noted_with_what_they_were():
    person = make_staff(SUPPORT)
    phone = TOTPDevice.objects.create(user=person, name="Phone")

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM otp_totp_totpdevice WHERE id = %s", [phone.pk])
        cursor.execute("DELETE FROM accounts_user_groups WHERE user_id = %s", [person.pk])

    device, role = AuditEntry.objects.filter(operation="delete").order_by("pk")
    support = Group.objects.get(name=SUPPORT).pk
    assert (device.table, device.before["user_id"]) == ("otp_totp_totpdevice", person.pk)
    assert (device.before["key"], role.before["group_id"]) == ("(secret)", support)
    assert device.database_user


def test_what_staff_set_names_them_their_address_and_their_request():
    wallet = set_auto_recharge(make_wallet()).wallet

    press(staff_client(SUPPORT), "accounts.account", "suspend", wallet.account_id)

    entry = AuditEntry.objects.filter(table="wallets_autorecharge").latest("pk")
    assert entry.account_id == wallet.account_id
    assert (entry.before["suspended_reason"], entry.after["suspended_reason"]) == ("", "support")
    assert (entry.actor.split("@")[1], entry.address) == ("example.com", "127.0.0.1")
    assert len(entry.request_id) == 32


def test_a_new_rate_is_noted_and_no_rate_is_changed():
    press(
        staff_client(),
        "wallets.minuterate",
        "set_rate",
        minute_type="basic",
        price="0.10",
        effective_from="2031-01-01 00:00",
        shown="basic 0.10 2031-01-01 00:00:00+00:00",
    )

    rate = MinuteRate.objects.get(effective_from__year=2031)
    entry = AuditEntry.objects.filter(table="wallets_minuterate").latest("pk")
    assert (entry.operation, entry.row, entry.after["price"]) == ("insert", str(rate.pk), 0.1)
    assert entry.actor
