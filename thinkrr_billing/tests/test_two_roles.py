"""A deploy as docs/deploy.md has it: the owner migrates and grants, the application logs in."""

import secrets
import subprocess
import sys
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from thinkrr_billing.tests.environments import FOLDER, clean

pytestmark = [pytest.mark.journey, pytest.mark.django_db]

NAME = f"thinkrr_deployed_{secrets.token_hex(4)}"
OWNER, APPLICATION = f"{NAME}_owner", f"{NAME}_app"


def reach(user, password, name=NAME):
    facts = connection.settings_dict
    return {
        "host": facts["HOST"],
        "port": facts["PORT"] or "5432",
        "user": user,
        "password": password,
        "dbname": name,
    }


@pytest.fixture(scope="module")
def passwords(django_db_setup):  # noqa: ARG001
    facts = connection.settings_dict
    made = {role: secrets.token_hex(16) for role in (OWNER, APPLICATION)}
    admin = reach(facts["USER"], facts["PASSWORD"], "postgres")
    with psycopg.connect(**admin, autocommit=True) as server:
        for role, password in made.items():
            server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        server.execute(f"CREATE DATABASE {NAME} OWNER {OWNER}")
    yield made
    with psycopg.connect(**admin, autocommit=True) as server:
        server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        for role in made:
            server.execute(f"DROP ROLE {role}")


def manage(role, passwords, *arguments):
    """The command in a process of its own: what it says, and its exit code."""
    facts = reach(role, passwords[role])
    host = quote(facts["host"], safe="")
    url = f"postgres://{role}:{passwords[role]}@:{facts['port']}/{NAME}?host={host}"
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=FOLDER,
        env=clean({"DEBUG": "True", "DATABASE_URL": url}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode


def test_the_owner_migrates_and_the_application_works_without_owning_anything(passwords):
    said, code = manage(OWNER, passwords, "migrate", "-v", "0")
    assert (said, code) == ("", 0)
    warned, _ = manage(OWNER, passwords, "check", "--deploy", "--database", "default")
    before = manage(APPLICATION, passwords, "grant_application_role", "--role", APPLICATION)

    granted = manage(OWNER, passwords, "grant_application_role", "--role", APPLICATION)
    checked = [
        manage(role, passwords, "grant_application_role", "--role", APPLICATION, "--check")
        for role in (OWNER, APPLICATION)
    ]
    quiet, _ = manage(APPLICATION, passwords, "check", "--deploy", "--database", "default")
    books = manage(APPLICATION, passwords, "verify_books")
    key, made = manage(APPLICATION, passwords, "create_api_key", "--platform", "--scopes", "read")

    assert f"“{OWNER}” owns the tables, and only who owns them" in before[0]
    assert before[1] == 1
    assert "thinkrr_billing.W004" in warned
    assert granted == ("", 0)
    assert checked == [("", 0), ("", 0)]
    assert "thinkrr_billing.W004" not in quiet
    assert books == ("", 0)
    assert made == 0, key
    refuse_all(passwords)


def refuse_all(passwords):
    with psycopg.connect(**reach(APPLICATION, passwords[APPLICATION]), autocommit=True) as session:
        assert session.execute("SELECT count(*) FROM wallets_minuterate").fetchone() == (2,)
        for statement in (
            "UPDATE wallets_minuterate SET price = 1",
            "DELETE FROM wallets_minuterate",
            "TRUNCATE wallets_minuterate",
            "ALTER TABLE wallets_minuterate DISABLE TRIGGER USER",
            "DROP TRIGGER wallets_rates_append_only ON wallets_minuterate",
            "SET session_replication_role = replica",
            "CREATE TEMPORARY TABLE wallets_wallet (id int)",
            "CREATE TABLE mine (id int)",
            f"SET ROLE {OWNER}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)
