"""What people hear of money on its way back: refunds and disputes."""

from accounts.telling.notifications import notify
from wallets import links
from wallets.models import Purchase, Reversal
from wallets.prices.amounts import dollars
from wallets.texts import usd


def tell_refunded(reversal: Reversal, purchase: Purchase) -> None:
    notify(
        account=purchase.payer,
        kind="refund",
        title="Refund",
        text=(
            f"{_amount(reversal)} of a payment of {usd(dollars(purchase.amount_cents))} goes back "
            f"to {purchase.card}. Banks take 5 to 10 days to show it."
        ),
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"refund:{reversal.pk}",
        link=links.receipt(purchase.pk),
    )


def tell_refund_failed(reversal: Reversal, purchase: Purchase) -> None:
    notify(
        account=purchase.payer,
        kind="refund_failed",
        title="Refund failed",
        text=(
            f"The refund of {_amount(reversal)} to {purchase.card} failed, so it is back in your "
            "balance. Contact support."
        ),
        level="danger",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"refund-failed:{reversal.pk}",
        link=links.payments(),
    )


def tell_disputed(reversal: Reversal, purchase: Purchase) -> None:
    notify(
        account=purchase.payer,
        kind="dispute",
        title="Payment disputed",
        text=(
            f"A payment of {_amount(reversal)} by {purchase.card} was disputed, so it was taken "
            "from your balance. Automatic charges are stopped. Contact support."
        ),
        level="danger",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"dispute:{reversal.pk}",
        link=links.payments(),
    )


def tell_dispute_won(reversal: Reversal, purchase: Purchase) -> None:
    notify(
        account=purchase.payer,
        kind="dispute_won",
        title="Dispute closed",
        text=(
            f"The dispute over {_amount(reversal)} was closed in our favor, and what it took is "
            "back in your balance. Automatic charges stay stopped until support allows them."
        ),
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"dispute-won:{reversal.pk}",
        link=links.payments(),
    )


def _amount(reversal: Reversal) -> str:
    return usd(dollars(reversal.amount_cents))
