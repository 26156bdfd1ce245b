"""Who can log in to the demo data. Printed by `make run` and listed in README.md."""

from typing import NamedTuple

# Public on purpose: it opens nothing but invented data on this machine.
PASSWORD = "thinkrr-demo"


class Login(NamedTuple):
    email: str
    who: str


LOGINS = (
    Login("olivia@brightline.example", "owner of Brightline Agency"),
    Login("adam@brightline.example", "admin of Brightline Agency"),
    Login("mia@brightline.example", "member of Brightline Agency"),
    Login("sam@harbor.example", "owner of the sub-account Harbor Dental"),
    Login("ida@ida.example", "an individual, Ida Moreau Coaching"),
    Login("support@thinkrr.example", "support staff, for /admin/"),
)
