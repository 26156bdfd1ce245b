"""The audit log: every change of a watched table, whoever makes it and how."""

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from accounts.audit import requests
from accounts.models import ApiKey, AuditEntry, Membership, Role, StaffAction, User
from accounts.people import closing
from accounts.tests.builders import (
    add_member,
    log_in_staff,
    make_individual,
    make_key,
    make_staff,
    make_user,
    owner_of,
)
from tests.databases import as_owner

pytestmark = pytest.mark.django_db

# The bits of pg_trigger.tgtype.
TRIGGERED_BY = {"insert": 4, "delete": 8, "update": 16, "truncate": 32}


def log(table: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(table=table).order_by("pk"))


def sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def triggered_tables(operation: str) -> set[str]:
    """The tables of which the audit log notes this operation."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger"
            " WHERE tgfoid = 'accounts_audit'::regproc AND tgenabled = 'O'"
            " AND tgtype & %s > 0",
            [TRIGGERED_BY[operation]],
        )
        return {table for (table,) in cursor.fetchall()}


@pytest.mark.outside_of_cells("everybody's tables have a function of their own")
@pytest.mark.parametrize("operation", TRIGGERED_BY)
def test_exactly_the_watched_tables_have_a_trigger_for_every_operation(operation):
    assert triggered_tables(operation) == requests.watched()


def test_a_table_that_an_app_offers_last_is_named_as_well(rf, monkeypatch):
    person = make_user()
    request = rf.post("/")
    request.user = person
    monkeypatch.setattr(requests, "_watched", {"accounts_apikey"})

    with requests.of(request):
        User.objects.update(name="Before")
        requests.watch("accounts_user")
        User.objects.update(name="After")

    before, after = log("accounts_user")[-2:]
    assert (before.after, before.actor) == ({"name": "Before"}, "")
    assert (after.after, after.actor) == ({"name": "After"}, person.email)


def test_a_change_by_a_page_names_who_asked_from_where_and_by_which_request(client):
    account = make_individual()
    client.force_login(owner_of(account))

    client.post("/settings/profile/", {"name": "Ada King", "theme": "dark"}, REMOTE_ADDR="10.1.2.3")

    entry = AuditEntry.objects.filter(table="accounts_user", operation="update").latest("pk")
    assert (entry.before["name"], entry.after["name"]) != (None, "")
    assert entry.after == {"name": "Ada King"}
    assert (entry.actor, entry.actor_id) == (owner_of(account).email, owner_of(account).pk)
    assert entry.address == "10.1.2.3"
    assert len(entry.request_id) == 32


def test_after_the_request_nobody_is_named_any_more(client):
    account = make_individual()
    client.force_login(owner_of(account))
    client.post("/settings/profile/", {"name": "Ada King", "theme": "dark"})

    User.objects.filter(pk=owner_of(account).pk).update(name="By a shell")

    entry = AuditEntry.objects.filter(table="accounts_user").latest("pk")
    assert entry.after == {"name": "By a shell"}
    assert (entry.actor, entry.actor_id, entry.address) == ("", None, "")
    assert entry.database_user


@pytest.mark.django_db(transaction=True)
def test_the_session_never_keeps_who_asked_so_a_pooler_may_give_it_to_others(rf):
    request = rf.post("/")
    request.user = make_user()

    with requests.of(request):
        User.objects.update(name="By a request")
        # What the pooler's next client finds, on the same session.
        sql("UPDATE accounts_user SET name = 'By another'")

    theirs, another = log("accounts_user")[-2:]
    assert (theirs.after, theirs.actor) == ({"name": "By a request"}, request.user.email)
    assert (another.after, another.actor, another.request_id) == ({"name": "By another"}, "", "")


def test_bulk_changes_do_not_slip_past():
    account = make_individual()
    people = [add_member(account) for _ in range(2)]

    Membership.objects.filter(user__in=people).update(role=Role.ADMIN)
    Membership.objects.filter(user__in=people).delete()

    changed = [one for one in log("accounts_membership") if one.operation == "update"]
    gone = [one for one in log("accounts_membership") if one.operation == "delete"]
    assert [one.after for one in changed] == [{"role": "admin"}] * 2
    assert [one.before["role"] for one in gone] == ["admin", "admin"]
    assert {one.account_id for one in changed + gone} == {account.pk}


def test_raw_sql_does_not_slip_past():
    key, _ = make_key(make_individual())

    sql("UPDATE accounts_apikey SET scopes = '{calls}' WHERE id = %s", key.pk)

    entry = log("accounts_apikey")[-1]
    assert entry.after == {"scopes": ["calls"]}
    assert entry.account_id == key.account_id


def test_rights_and_roles_of_staff_are_noted():
    person, group = make_user(), Group.objects.get(name="Support")

    person.groups.add(group)
    User.objects.filter(pk=person.pk).update(is_superuser=True)
    with as_owner():
        group.permissions.clear()

    assert log("accounts_user_groups")[-1].after["group_id"] == group.pk
    assert log("accounts_user")[-1].after == {"is_superuser": True}
    assert log("auth_group_permissions")[-1].operation == "delete"


def test_secrets_are_noted_as_changed_but_never_shown():
    person = make_user()
    key, _ = make_key(make_individual())

    person.set_password("another-horse-battery")
    person.save()

    assert log("accounts_user")[-1].after == {"password": "(secret)"}
    assert log("accounts_apikey")[-1].after["secret_hash"] == "(secret)"
    shown = "".join(str((one.before, one.after)) for one in AuditEntry.objects.all())
    assert key.secret_hash not in shown
    assert person.password not in shown


def test_what_changes_all_the_time_is_not_noted():
    person = make_user()
    key, _ = make_key(make_individual())
    before = AuditEntry.objects.count()

    User.objects.filter(pk=person.pk).update(last_login="2026-01-01T00:00Z")
    ApiKey.objects.filter(pk=key.pk).update(last_used_at="2026-01-01T00:00Z")
    User.objects.filter(pk=person.pk).update(name=person.name)

    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET actor = 'nobody'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
    ],
)
def test_the_log_itself_is_never_changed(statement):
    make_user()
    before = AuditEntry.objects.count()

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), as_owner():
        sql(statement)

    assert AuditEntry.objects.count() == before > 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_staffaction SET reason = 'another'",
        "DELETE FROM accounts_staffaction",
        "TRUNCATE accounts_staffaction",
    ],
)
def test_what_staff_did_is_final(client, statement):
    key, _ = make_key(make_individual())
    sent = {
        "_form_submitted": "True",
        "reason": "Asked",
        "form_key": "0b8f1a52-6c1d-4f0e-9d6b-2f1c6f0a7e11",
    }
    log_in_staff(client, make_staff()).post(f"/admin/accounts/apikey/{key.pk}/revoke/", sent)

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), as_owner():
        # TRUNCATE first refuses a table with foreign keys that are still to be checked.
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql(statement)

    assert StaffAction.objects.get().reason == "Asked"


@pytest.mark.usefixtures("nudges")
def test_closing_and_reopening_is_said_once_and_noted():
    account = make_individual()

    assert closing.close(account=account)
    assert not closing.close(account=account)
    assert closing.reopen(account=account)

    statuses = [one.after for one in log("accounts_account") if one.operation == "update"]
    assert statuses == [{"status": "closed"}, {"status": "active"}]
    assert account.notifications.filter(kind="account_status").count() == 2
