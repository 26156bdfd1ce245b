#!/usr/bin/env python
"""Django's command line. While the database is away a command ends with a sentence, and with 1."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    from django.core.management import execute_from_command_line
    from django.db import Error

    from accounts.runtime.outages import is_outage

    try:
        execute_from_command_line(sys.argv)
    except Error as error:
        if "--traceback" in sys.argv or not is_outage(error):
            raise
        said = str(error).partition("\n")[0]
        sys.exit(f"The database did not answer ({said}). Try again once /readyz is green.")
