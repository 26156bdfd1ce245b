"""The wallets app: all money. Knows accounts, does not know campaigns."""

from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from wallets import (  # noqa: F401
            allocations,
            auto_recharge,
            book_rules,
            checks,
            purchases,
            recharges,
        )

        purchases.policies.update(
            {
                "recharge": recharges.POLICY,
                "auto_recharge": auto_recharge.POLICY,
                "allocation": allocations.POLICY,
            }
        )
