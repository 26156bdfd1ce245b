"""What the shell around every page shows."""

from email.utils import parseaddr

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Account, Role
from accounts.people import access
from accounts.telling import notifications
from accounts.theme import theme_of

# The menu shows 20 and offers the page of all when there are more.
MENU_SIZE = 21


def shell(request: HttpRequest) -> dict[str, object]:
    """Lists and counts are lazy: a fragment that shows neither asks the database for nothing."""
    account = getattr(request, "account", None)
    context = {
        "current_account": account,
        "permissions": getattr(request, "permissions", access.NOTHING),
        "test_mode": not settings.STRIPE_LIVE_MODE,
        "chosen_theme": theme_of(request),
        "help_url": f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}",
    }
    if account is not None:
        context["current_role"] = _role_label(request.role, account)
        context["switchable_accounts"] = SimpleLazyObject(
            lambda: access.switchable(user=request.user)[:MENU_SIZE]
        )
        context["unread_count"] = SimpleLazyObject(
            lambda: notifications.unread_count(account_id=account.pk)
        )
    return context


def _role_label(role: str, account: Account) -> str:
    return Role(role).label if role else f"Staff of {account.agency}"
