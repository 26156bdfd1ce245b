import subprocess
import sys

import pytest

from thinkrr_billing.sandbox.addresses import free_port
from thinkrr_billing.tests.environments import FOLDER, clean

pytestmark = pytest.mark.journey


def manage(*arguments):
    """In a process of its own, which no database answers."""
    url = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=FOLDER,
        env=clean({"DEBUG": "True", "DATABASE_URL": url}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["verify_books", "migrate", "tick"])
def test_a_command_without_a_database_ends_with_a_sentence(command):
    done = manage(command)

    assert done.returncode == 1
    assert done.stderr.startswith("The database did not answer (connection failed: ")
    assert done.stderr.endswith("Try again once /readyz is green.\n")
    assert "Traceback" not in done.stderr


def test_who_asks_for_the_traceback_gets_it():
    assert "Traceback" in manage("verify_books", "--traceback").stderr
