"""What writes a format is loaded by whoever asks for it, and by nobody else."""

import pytest

from thinkrr_billing.tests.environments import said_by

LOADED = """
import django, sys
django.setup()
import thinkrr_billing.urls
print("wallets.exports.xlsx_file" in sys.modules, "xlsxwriter" in sys.modules)
"""


@pytest.mark.journey
def test_a_process_that_serves_no_spreadsheet_does_not_load_what_writes_them():
    said = said_by(LOADED, DJANGO_SETTINGS_MODULE="thinkrr_billing.settings")

    assert said.split() == ["True", "False"]
