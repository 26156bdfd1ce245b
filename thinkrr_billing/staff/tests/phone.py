"""Staff at the phone: a session of each role, and pressing buttons as a browser would."""

from uuid import NAMESPACE_OID, uuid4, uuid5

from django.test import Client
from django.urls import reverse

from accounts.tests.builders import log_in_staff, make_staff
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT

ROLES = (READ_ONLY, SUPPORT, BILLING)


def staff_client(*roles: str) -> Client:
    """A session of somebody in these groups; without any, a superuser."""
    return log_in_staff(Client(), make_staff(*roles))


def url(page: str, name: str, *args: object) -> str:
    """The address of `name` (a page or a button) of a model such as `wallets.purchase`."""
    return reverse(f"admin:{page.replace('.', '_')}_{name}", args=args)


def press(client: Client, page: str, button: str, *args: object, **fields: object):
    """Send a button's dialog. Each press is a form of its own, unless `form` names the same one."""
    form = fields.pop("form", None)
    sent = {
        "_form_submitted": "True",
        "reason": "Asked on the phone",
        "form_key": str(uuid5(NAMESPACE_OID, form) if form else uuid4()),
    }
    return client.post(url(page, button, *args), sent | fields)


def said(response) -> str:
    """The sentence the next page shows."""
    return " ".join(str(one) for one in response.wsgi_request._messages)
