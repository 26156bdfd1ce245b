"""What must hold before the process may start."""

from django.core.checks import Error, register

from wallets.signals import balances_moved


@register
def balances_moved_is_heard(**kwargs: object) -> list[Error]:
    """Fail when nobody listens: campaigns would go on calling on an empty wallet."""
    if balances_moved.has_listeners():
        return []
    return [
        Error(
            "Nobody listens to balances_moved, so campaigns would never pause.",
            hint="campaigns.apps.CampaignsConfig.ready() imports campaigns.receivers.",
            id="wallets.E001",
        )
    ]
