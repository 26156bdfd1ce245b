"""What `grant_application_role` gives, refuses and finds, and who is told of a wrong right."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from thinkrr_billing.deploy_checks import the_role_cannot_change_the_past
from thinkrr_billing.tests.roles import acting_as, asked, make_role, refused, sql

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("owner"), pytest.mark.journey]


@pytest.fixture
def role():
    return make_role()


def said(**options):
    """What the command prints, and whether it exits with 1."""
    out = StringIO()
    try:
        call_command("grant_application_role", stdout=out, **options)
    except SystemExit as end:
        return out.getvalue().splitlines(), end.code
    return out.getvalue().splitlines(), 0


def test_granting_twice_is_granting_once_and_the_check_is_silent(role):
    assert said(role=role) == ([], 0)
    assert said(role=role, check=True) == ([], 0)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("GRANT UPDATE ON wallets_ledgerentry TO {}", "may UPDATE wallets_ledgerentry"),
        ("GRANT UPDATE (amount) ON wallets_ledgerentry TO {}", "may UPDATE wallets_ledgerentry"),
        ("GRANT DELETE ON campaigns_call TO PUBLIC", "may DELETE campaigns_call"),
        ("GRANT TRUNCATE ON wallets_purchase TO {}", "may TRUNCATE wallets_purchase"),
        ("GRANT TRIGGER ON wallets_wallet TO {}", "may TRIGGER wallets_wallet"),
        ("REVOKE INSERT ON wallets_purchase FROM {}", "may not INSERT wallets_purchase"),
        (
            "REVOKE USAGE ON SEQUENCE wallets_receipt_number FROM {}",
            "may not use the sequence wallets_receipt_number",
        ),
        (
            "GRANT UPDATE ON SEQUENCE wallets_receipt_number TO {}",
            "may set the sequence wallets_receipt_number",
        ),
        ("GRANT CREATE ON SCHEMA public TO {}", "may create in the schema public"),
        (
            "GRANT SET ON PARAMETER session_replication_role TO {}",
            "may set session_replication_role",
        ),
        (
            "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {}',"
            " current_database()); END $$",
            "may create temporary tables",
        ),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT UPDATE ON TABLES TO {}",
            "may UPDATE new tables of {owner}",
        ),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE INSERT ON TABLES FROM {}",
            "may not INSERT new tables of {owner}",
        ),
    ],
)
def test_the_check_names_what_was_changed_and_granting_mends_it(role, change, line):
    owner = asked("SELECT current_user")
    sql(change.format(role))

    found = said(role=role, check=True)

    assert found == ([f"{role} {line.format(owner=owner)}"], 1)
    if "PARAMETER" not in change:
        assert said(role=role) == ([], 0)


def test_the_check_changes_nothing(role):
    sql(f"GRANT UPDATE ON wallets_ledgerentry TO {role}")

    said(role=role, check=True)

    assert said(role=role, check=True) == ([f"{role} may UPDATE wallets_ledgerentry"], 1)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ALTER ROLE {} CREATEROLE", "may create roles"),
        ("ALTER ROLE {} CREATEDB", "may create databases"),
        ("ALTER ROLE {} REPLICATION", "may replicate"),
        ("ALTER ROLE {} BYPASSRLS", "may pass by row security"),
        ("ALTER ROLE {} SUPERUSER", "is a superuser, who may do everything"),
        ("CREATE ROLE mighty SUPERUSER ROLE {}", "may become a superuser"),
        ("GRANT pg_write_all_data TO {}", "may UPDATE wallets_ledgerentry"),
        ("CREATE ROLE other NOINHERIT; GRANT other TO {}; GRANT DELETE ON wallets_ledgerentry"
         " TO other", "may DELETE wallets_ledgerentry"),
        ("ALTER TABLE wallets_ledgerentry OWNER TO {}", "owns table wallets_ledgerentry"),
        ("ALTER FUNCTION wallets_forbid_change OWNER TO {}",
         "owns function wallets_forbid_change()"),
    ],
)  # fmt: skip
def test_what_the_role_is_or_may_become_counts(role, change, line):
    sql(change.format(role))

    lines, code = said(role=role, check=True)

    assert f"{role} {line}" in lines
    assert code == 1


def test_a_new_table_can_be_filled_at_once_and_the_check_asks_for_a_decision(role):
    sql("CREATE TABLE public.wallets_new (id bigserial PRIMARY KEY)")

    with acting_as(role):
        sql("INSERT INTO wallets_new DEFAULT VALUES")
    refused(role, "UPDATE wallets_new SET id = 1")

    assert said(role=role, check=True) == (
        [f"{role} may INSERT wallets_new", f"{role} may SELECT wallets_new"],
        1,
    )


def test_a_table_that_is_not_there_yet_is_named(role):
    sql("DROP TABLE djstripe_coupon CASCADE")

    lines, code = said(role=role, check=True)

    assert lines == [
        f"{role} may not {right} djstripe_coupon"
        for right in ("DELETE", "INSERT", "SELECT", "UPDATE")
    ]
    assert code == 1


def rights():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, relacl::text FROM pg_class ORDER BY oid")
        tables = cursor.fetchall()
        cursor.execute("SELECT defaclrole, defaclacl::text FROM pg_default_acl ORDER BY oid")
        return tables, cursor.fetchall()


@pytest.mark.parametrize(
    ("_case", "made", "name", "sentence"),
    [
        ("not there", "", "nobody_made_it", "PostgreSQL knows no role “nobody_made_it”"),
        ("everybody", "", "PUBLIC", "PostgreSQL knows no role “PUBLIC”"),
        ("none", "", "", "PostgreSQL knows no role “”"),
        ("an attack", "", 'a"; DROP TABLE wallets_wallet; --', "PostgreSQL knows no role “a"),
        ("superuser", "CREATE ROLE mighty SUPERUSER", "mighty", "“mighty” is a superuser"),
        (
            "owner",
            "CREATE ROLE holder; ALTER TABLE wallets_wallet OWNER TO holder",
            "holder",
            "“holder” is, or may become, “holder”",
        ),
        (
            "member of the owner",
            "CREATE ROLE holder; ALTER TABLE wallets_wallet OWNER TO holder;"
            " CREATE ROLE inside IN ROLE holder",
            "inside",
            "“inside” is, or may become, “holder”",
        ),
    ],
)
def test_a_role_that_cannot_be_kept_from_anything_is_refused(_case, made, name, sentence):
    sql("SET CONSTRAINTS ALL IMMEDIATE", *filter(None, made.split("; ")))
    before = rights()

    with pytest.raises(CommandError, match=sentence):
        said(role=name)

    assert rights() == before


def test_only_who_owns_the_tables_grants(role):
    sql("CREATE ROLE other")
    before = rights()

    refusal = "owns the tables, and only who owns them"
    with pytest.raises(CommandError, match=refusal), acting_as("other"):
        said(role=role)

    assert rights() == before


def test_a_role_with_a_strange_name_is_quoted():
    name = 'the "app"; --'
    sql('CREATE ROLE "the ""app""; --"')

    assert said(role=name) == ([], 0)


def test_whoever_deploys_is_warned_of_an_owner(role):
    assert asked("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")

    [warning] = the_role_cannot_change_the_past(databases=["default"])
    with acting_as(role):
        assert the_role_cannot_change_the_past(databases=["default"]) == []

    told = "The role of DATABASE_URL is a superuser, who may do everything."
    assert (warning.id, warning.msg) == ("thinkrr_billing.W004", told)


def test_a_warning_tells_the_first_of_many_rights(role):
    sql(f"GRANT UPDATE, DELETE, TRUNCATE, REFERENCES ON wallets_ledgerentry TO {role}")

    with acting_as(role):
        [warning] = the_role_cannot_change_the_past(databases=["default"])

    assert warning.msg == (
        "The role of DATABASE_URL may DELETE wallets_ledgerentry, may REFERENCES "
        "wallets_ledgerentry, may TRUNCATE wallets_ledgerentry, and 1 more."
    )


def test_no_database_is_asked_by_a_check_that_is_given_none():
    """As in `check --deploy` without `--database`, and at every start."""
    assert the_role_cannot_change_the_past(databases=None) == []


def test_monitoring_counts_the_rights_that_are_wrong(role, client):
    sql(f"GRANT UPDATE, DELETE ON wallets_ledgerentry TO {role}")

    lines = []
    for statement in ("SELECT", f"REVOKE UPDATE, DELETE ON wallets_ledgerentry FROM {role}"):
        sql(statement)
        with acting_as(role):
            lines.append(client.get("/metrics").content.decode().splitlines())
    as_superuser = client.get("/metrics").content.decode().splitlines()

    assert "thinkrr_database_rights_wrong 2.0" in lines[0]
    assert "thinkrr_database_rights_wrong 0.0" in lines[1]
    assert "thinkrr_database_rights_wrong 1.0" in as_superuser
