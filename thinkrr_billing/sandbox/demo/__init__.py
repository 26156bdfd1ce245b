"""The demo data of a developer's machine: who there is, and ninety days of their calls and money.

`LOGINS` can be read without Django. `seeding.seed` writes everything through the functions that
production uses, each with the clock of its day.
"""

from thinkrr_billing.sandbox.demo.cast import LOGINS

__all__ = ["LOGINS"]
