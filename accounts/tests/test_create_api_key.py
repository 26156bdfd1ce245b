from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts import clock
from accounts.models import ApiKey
from accounts.people import api_keys
from accounts.tests.builders import make_individual

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run(capsys, *arguments: str) -> str:
    call_command("create_api_key", *arguments)
    return capsys.readouterr().out.strip()


def test_it_prints_a_working_key_of_the_account_by_name_or_id(capsys):
    account = make_individual("Ada Lovelace")

    by_name = run(capsys, "--account", "Ada Lovelace", "--scopes", "read,write")
    by_id = run(capsys, "--account", str(account.pk), "--scopes", "calls")

    assert api_keys.verify(token=by_name).account == account
    assert api_keys.verify(token=by_id).scopes == ["calls"]


def test_it_makes_a_platform_key_that_expires(capsys):
    with clock.at(NOON):
        token = run(capsys, "--platform", "--scopes", "calls,read", "--expires-days", "30")
        key = api_keys.verify(token=token)

    assert key.is_platform
    assert key.expires_at == NOON + timedelta(days=30)


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        ("There is no account with the id or name “Nobody”", ["--account", "Nobody"]),
        ("Several accounts are named “Twin”: use the id", ["--account", "Twin"]),
        ("Choose at least one of: read, write, calls", ["--platform", "--scopes", "root"]),
        ("--expires-days must be between 1 and 3650", ["--platform", "--expires-days", "0"]),
        ("one of the arguments --account --platform is required", []),
        ("not allowed with argument", ["--platform", "--account", "Twin"]),
    ],
)
def test_bad_arguments_give_a_sentence_and_no_key(sentence, arguments):
    make_individual("Twin")
    make_individual("Twin")

    with pytest.raises(CommandError, match=sentence):
        call_command("create_api_key", *arguments)
    assert not ApiKey.objects.exists()


def test_a_key_may_be_limited_to_addresses(capsys):
    token = run(
        capsys, "--platform", "--scopes", "calls", "--addresses", "10.0.0.0/8,2001:db8::/32"
    )

    assert api_keys.verify(token=token).addresses == ["10.0.0.0/8", "2001:db8::/32"]
