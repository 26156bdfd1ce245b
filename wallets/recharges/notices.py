"""What people hear of recharges: paid, failed, waiting, suspended, limited, changed, low."""

from datetime import datetime
from decimal import Decimal

from accounts.models import User
from accounts.telling.notifications import alert_staff, notify
from wallets import links
from wallets.charging import backups
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.texts import holds, usd


def tell_paid(purchase: Purchase, wallet: Wallet) -> None:
    """The receipt of a recharge by hand."""
    _tell_paid(purchase, f"You have {holds(wallet)} now.", f"{purchase.card} was charged")


def tell_paid_automatically(purchase: Purchase, wallet: Wallet) -> None:
    after = f"Your balance is {usd(wallet.credit.amount)}."
    if purchase.instead_of:
        _tell_backup_charged(purchase, after)
        return
    _tell_paid(purchase, after, f"Auto-Recharge charged {purchase.card}")


def _tell_backup_charged(purchase: Purchase, after: str) -> None:
    """The receipt, and that the first card was not charged: nobody may switch this mail off."""
    notify(
        account=purchase.payer,
        kind="backup_charged",
        title="Your backup card was charged",
        text=f"Auto-Recharge: {backups.told(purchase)} {after}",
        level="warning",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"paid:{purchase.pk}",
        link=links.receipt(purchase.pk),
    )


def _tell_paid(purchase: Purchase, after: str, charged: str) -> None:
    notify(
        account=purchase.payer,
        kind="recharge_paid",
        text=f"{charged} {_amount(purchase)}. {after}",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"paid:{purchase.pk}",
        link=links.receipt(purchase.pk),
    )


def tell_declined(purchase: Purchase) -> None:
    """A recharge by hand was declined: the person is looking at the answer, so without a mail."""
    notify(
        account=purchase.payer,
        kind="recharge_failed",
        text=purchase.error_text,
        level="danger",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"failed:{purchase.pk}",
        link=links.purchase(purchase.pk),
        mail=False,
    )


def tell_declined_automatically(purchase: Purchase, retry_at: datetime | None) -> None:
    retry = ""
    if retry_at:
        at = retry_at.astimezone(purchase.payer.zone)
        retry = f" We try again at {at:%H:%M} ({at.tzname()})."
    notify(
        account=purchase.payer,
        kind="recharge_failed",
        text=f"Auto-Recharge failed: {purchase.error_text}{retry}",
        level="danger",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"failed:{purchase.pk}",
        link=links.payments(),
    )


def tell_needs_bank(purchase: Purchase) -> None:
    _tell_needs_bank(purchase, "", "warning")


def tell_needs_bank_automatically(purchase: Purchase) -> None:
    _tell_needs_bank(purchase, " Auto-Recharge waits until you do.", "danger")


def _tell_needs_bank(purchase: Purchase, then: str, level: str) -> None:
    notify(
        account=purchase.payer,
        kind="action_required",
        text=f"Your bank needs you to confirm a {_amount(purchase)} payment.{then}",
        level=level,
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"bank:{purchase.pk}",
        link=links.purchase(purchase.pk),
    )


def _amount(purchase: Purchase) -> str:
    return usd(dollars(purchase.amount_cents))


def tell_suspended(automatic: AutoRecharge, why: str) -> None:
    notify(
        account=automatic.wallet.account,
        kind="auto_recharge_suspended",
        text=f"Auto-Recharge is suspended. {why}",
        level="danger",
        link=links.payments(),
    )


def tell_lifted(wallet: Wallet) -> None:
    notify(
        account=wallet.account,
        kind="auto_recharge_resumed",
        title="Auto-Recharge works again",
        text="Support lifted the suspension. Auto-Recharge charges again when you run low.",
        link=links.payments(),
    )


def tell_too_many(automatic: AutoRecharge, until: datetime) -> None:
    """Three charges in ten minutes: the account and support hear of it, once per wait."""
    account = automatic.wallet.account
    key = f"too-many:{automatic.wallet_id}:{until:%Y-%m-%dT%H:%M:%S}"
    text = "Auto-Recharge charged three times in ten minutes, so the next charge waits."
    notify(
        account=account,
        kind="auto_recharge_waits",
        text=text,
        level="warning",
        dedupe_key=key,
        link=links.payments(),
    )
    alert_staff(
        kind="auto_recharge_waits",
        text=f"{account.name}: {text}",
        data={"account": str(account.pk)},
        dedupe_key=key,
    )


def tell_too_many_tries(automatic: AutoRecharge, until: datetime) -> None:
    """Six attempts in ten minutes, whatever became of them: told once per wait."""
    account = automatic.wallet.account
    key = f"too-many-tries:{automatic.wallet_id}:{until:%Y-%m-%dT%H:%M:%S}"
    text = "Auto-Recharge tried six times in ten minutes, so it waits an hour."
    notify(
        account=account,
        kind="auto_recharge_waits",
        text=f"{text} Support looks into it.",
        level="warning",
        dedupe_key=key,
        link=links.payments(),
    )
    alert_staff(
        kind="charges_braked",
        text=f"{account.name}: {text}",
        data={"account": str(account.pk)},
        dedupe_key=key,
    )


def tell_limit_reached(
    automatic: AutoRecharge, *, spent: Decimal, limit: Decimal, amount: Decimal, until: datetime
) -> None:
    """Say once a month that not even one more amount fits. Dollars."""
    notify(
        account=automatic.wallet.account,
        kind="auto_recharge_limit",
        text=(
            f"Auto-Recharge has stopped for this month: {usd(spent)} of your "
            f"{usd(limit)} monthly limit is used, and another "
            f"{usd(amount)} does not fit."
        ),
        level="warning",
        dedupe_key=f"limit-stop:{until:%Y-%m}",
        link=links.payments(),
    )


def tell_ceiling_reached(
    automatic: AutoRecharge, *, spent: Decimal, ceiling: Decimal, until: datetime
) -> None:
    """Say once a day and ceiling that charges wait for midnight, and where to raise it. Dollars."""
    at = until.astimezone(automatic.wallet.account.zone)
    notify(
        account=automatic.wallet.account,
        kind="auto_recharge_ceiling",
        title="Auto-Recharge reached today's ceiling",
        text=(
            f"Auto-Recharge has charged {usd(spent)} today, and another recharge does not fit your "
            f"daily ceiling of {usd(ceiling)}. It goes on at midnight ({at.tzname()}), or at once "
            "when you raise the ceiling."
        ),
        level="danger",
        dedupe_key=f"ceiling:{at:%Y-%m-%d}:{ceiling}",
        link=links.auto_recharge(),
    )


def tell_limit_used(
    automatic: AutoRecharge, *, percent: int, used: Decimal, limit: Decimal, month: datetime
) -> None:
    """Say once a month and step how much of the limit is used. Dollars."""
    notify(
        account=automatic.wallet.account,
        kind="auto_recharge_limit",
        text=(
            f"Auto-Recharge has used {percent} % of your {usd(limit)} monthly limit ({usd(used)})."
        ),
        level="warning",
        dedupe_key=f"limit:{month:%Y-%m}:{percent}",
        link=links.payments(),
    )


def tell_changed(automatic: AutoRecharge, *, before: str, after: str, actor: User | None) -> None:
    notify(
        account=automatic.wallet.account,
        kind="settings_changed",
        text=f"{actor or 'The API'} changed Auto-Recharge: {after} (before: {before}).",
        data={"before": before, "after": after},
        dedupe_key=f"auto-recharge:{automatic.wallet_id}:{automatic.updated_at.isoformat()}",
        link=links.payments(),
    )


def tell_switched_off(automatic: AutoRecharge, why: str) -> None:
    notify(
        account=automatic.wallet.account,
        kind="settings_changed",
        title="Auto-Recharge is off",
        text=(
            f"Auto-Recharge was switched off: {why}. Nothing is charged by itself until you turn "
            "it on again under Configure."
        ),
        level="warning",
        link=links.payments(),
    )


def tell_low_minutes(automatic: AutoRecharge, *, minutes: int, credit: Decimal) -> None:
    """Once per crossing. Whole minutes of all types, and dollars of credit."""
    _tell_low(
        automatic,
        kind="low_minutes",
        title="Minutes are about to run out",
        text=f"{minutes:,} minutes and {usd(credit)} of credit are left.",
        key=f"minutes:{automatic.wallet_id}:{automatic.minutes_low_since.isoformat()}",
    )


def tell_low_balance(
    automatic: AutoRecharge, *, credit: Decimal, minutes: int, why: str = ""
) -> None:
    """Once per crossing. Dollars, about how many Premium minutes they are, and why Auto-Recharge,
    though it is on, does not charge."""
    then = f" Auto-Recharge does not charge: {why}." if why else ""
    _tell_low(
        automatic,
        kind="low_balance",
        title="Low balance",
        text=f"Low balance: {usd(credit)}, about {minutes:,} Premium minutes.{then}",
        key=f"low:{automatic.wallet_id}:{automatic.low_since.isoformat()}",
    )


def _tell_low(automatic: AutoRecharge, *, kind: str, title: str, text: str, key: str) -> None:
    """The account, and its agency if that has asked to hear of it."""
    account = automatic.wallet.account
    notify(
        account=account,
        kind=kind,
        title=title,
        text=text,
        level="warning",
        dedupe_key=key,
        link=links.recharge(),
    )
    if account.agency and automatic.agency_hears:
        notify(
            account=account.agency,
            kind=kind,
            title=f"{title}: {account.name}",
            text=f"{account.name}: {text}",
            level="warning",
            dedupe_key=key,
            link=links.sub_account(account.pk),
        )
