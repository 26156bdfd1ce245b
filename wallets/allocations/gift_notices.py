"""What people hear of minutes given once, and of asking for them.

The agency everything; its sub-account the minutes and the answer, without price or card.
"""

from accounts import clock
from accounts.telling.notifications import notify
from wallets import links
from wallets.models import MinuteAsk, Purchase
from wallets.prices.amounts import dollars
from wallets.texts import minutes_text, spoken, usd


def tell_given(purchase: Purchase) -> None:
    """The receipt for the agency; for the sub-account the minutes."""
    account, agency = purchase.wallet.account, purchase.payer
    minutes = _minutes(purchase)
    notify(
        account=agency,
        kind="allocation_charged",
        title="Minutes given",
        text=(
            f"{purchase.card} was charged {usd(dollars(purchase.amount_cents))}. "
            f"{account.name} got {minutes}, once."
        ),
        data={"purchase": str(purchase.pk), "account": str(account.pk)},
        dedupe_key=f"paid:{purchase.pk}",
        link=links.receipt(purchase.pk),
    )
    asked = MinuteAsk.objects.filter(purchase=purchase).exists()
    notify(
        account=account,
        kind="minutes_answered" if asked else "allocation_received",
        title="Minutes received",
        text=f"{minutes} from {agency.name}{', as you asked' if asked else ''}.",
        dedupe_key=f"given:{purchase.pk}",
        link=links.payments(),
        # Good news that costs them nothing needs no mail, unless somebody waits for it.
        mail=asked,
    )


def tell_not_given(purchase: Purchase) -> None:
    """The person may have left: the agency reads why, and where to try another card."""
    account = purchase.wallet.account
    notify(
        account=purchase.payer,
        kind="allocation_failed",
        title="Minutes not given",
        text=(
            f"{_minutes(purchase)} for {account.name} were not paid: {purchase.error_text} "
            "Nothing is tried again by itself."
        ),
        level="danger",
        data={"account": str(account.pk)},
        dedupe_key=f"not-given:{purchase.pk}",
        link=links.give(account.pk),
    )


def tell_needs_bank(purchase: Purchase) -> None:
    notify(
        account=purchase.payer,
        kind="action_required",
        title="Your bank needs you to confirm a payment",
        text=(
            f"{_minutes(purchase)} for {purchase.wallet.account.name} wait for you to confirm the "
            f"payment of {usd(dollars(purchase.amount_cents))} with your bank. The link works for "
            "24 hours."
        ),
        level="danger",
        data={"account": str(purchase.wallet.account_id)},
        dedupe_key=f"bank:{purchase.pk}",
        link=links.purchase(purchase.pk),
    )


def tell_asked(asked: MinuteAsk) -> None:
    """What they want, in their own words. Whoever runs the agency answers in one click."""
    until = spoken(
        asked.agency.local_date(asked.expires_at), today=asked.agency.local_date(clock.now())
    )
    said = f" They write: “{asked.words}”." if asked.words else ""
    notify(
        account=asked.agency,
        kind="minutes_asked",
        title=f"{asked.account.name} asks for minutes",
        text=(
            f"{asked.account.name} asks for {asked.minutes}, once.{said} Give them or decline; "
            f"the request ends on {until}."
        ),
        level="warning",
        data={"account": str(asked.account_id), "ask": asked.pk},
        dedupe_key=f"asked:{asked.pk}",
        link=links.answer_ask(asked.account_id, asked.pk),
    )


def tell_declined_ask(asked: MinuteAsk) -> None:
    said = f" They write: “{asked.answer}”." if asked.answer else ""
    _tell_asker(asked, f"{asked.agency.name} declined to give {asked.minutes}.{said}")


def tell_expired(asked: MinuteAsk) -> None:
    _tell_asker(
        asked,
        f"{asked.agency.name} did not answer your request for {asked.minutes} within a week, so "
        "it ended. You can ask again.",
    )


def _tell_asker(asked: MinuteAsk, text: str) -> None:
    notify(
        account=asked.account,
        kind="minutes_answered",
        title="Your request for minutes",
        text=text,
        dedupe_key=f"ask-answered:{asked.pk}",
        link=links.payments(),
    )


def _minutes(purchase: Purchase) -> str:
    return minutes_text(basic=purchase.basic_minutes, premium=purchase.premium_minutes)
