"""The wallets app: all money. Knows accounts, does not know campaigns."""

from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.audit.requests import watch
        from accounts.people import archiving, closing
        from accounts.people.fresh import ask_before
        from accounts.telling.mail_topics import offer
        from wallets import checks, outgoing, sweeps, waiting  # noqa: F401
        from wallets.allocations import configure, policy, stopping
        from wallets.books import hold_rules, rules  # noqa: F401
        from wallets.cards import backup
        from wallets.cards.uses import uses
        from wallets.charging.policies import policies
        from wallets.recharges import auto_outcomes, by_hand, switching_off
        from wallets.stripe import sealed

        sealed.seal()

        watch(
            "wallets_wallet",
            "wallets_minuterate",
            "wallets_autorecharge",
            "wallets_autoallocation",
            "wallets_adjustmentrequest",
            "wallets_chargeswitch",
            "wallets_billingaddress",
            "wallets_seller",
            "wallets_minuteask",
            "wallets_alert",
            "wallets_slackhook",
        )
        offer("receipts", label="Payments received", kinds={"recharge_paid"})
        offer(
            "low_balance",
            label="Low balance, minutes about to run out",
            kinds={"low_balance", "low_minutes"},
        )
        offer(
            "allocation",
            label="Monthly allocation charged, received or changed",
            kinds={"allocation_charged", "allocation_received", "allocation_changed"},
        )
        offer(
            "minutes_asked",
            label="Requests for minutes, and their answers",
            kinds={"minutes_asked", "minutes_answered"},
        )
        offer("agency", label="Messages from your agency", kinds={"agency_notice"})
        offer(
            "settings",
            label="Changes of Auto-Recharge, cards and billing addresses, and cards that expire",
            kinds={
                "settings_changed",
                "billing_addresses_changed",
                "auto_recharge_resumed",
                "payment_method_added",
                "payment_method_removed",
                "card_expiring",
            },
        )
        ask_before(
            "wallets:methods_add",
            "wallets:methods_default",
            "wallets:methods_backup",
            "wallets:methods_remove",
            "wallets:auto_recharge",
            "wallets:add_billing_address",
            "wallets:invite_owner",
            "wallets:withdraw_owner",
        )
        closing.switch_off[:] = [switching_off.switch_off_closed, stopping.end_of_closed]
        archiving.end_before.append(configure.end_archived)
        uses[:] = [switching_off.CARD_USE, stopping.CARD_USE, backup.CARD_USE]
        policies.update(
            {
                "recharge": by_hand.POLICY,
                "auto_recharge": auto_outcomes.POLICY,
                "allocation": policy.POLICY,
            }
        )
