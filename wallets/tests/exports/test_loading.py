"""What writes a format is loaded by whoever asks for it, and by nobody else."""

import subprocess
import sys

import pytest

from thinkrr_billing.tests.environments import DEVELOPMENT, FOLDER, clean

LOADED = """
import django, sys
django.setup()
import thinkrr_billing.urls
print("wallets.exports.xlsx_file" in sys.modules, "xlsxwriter" in sys.modules)
"""


@pytest.mark.journey
def test_a_process_that_serves_no_spreadsheet_does_not_load_what_writes_them():
    variables = {**DEVELOPMENT, "DJANGO_SETTINGS_MODULE": "thinkrr_billing.settings"}

    said = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=clean(variables),
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["True", "False"]
