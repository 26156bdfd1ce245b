"""Who can log in to the demo data. Printed by `make run` and listed in README.md."""

from thinkrr_billing.sandbox.demo.cast import LOGINS, PASSWORD, Login

__all__ = ["LOGINS", "PASSWORD", "Login"]
