"""What is wrong on the demo's last day, so that every warning can be seen: a wallet that ran dry,
and a card that is refused. (The unpaid allocation failed days ago, in the history.)"""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from accounts import clock
from campaigns.models import Campaign
from campaigns.reports import Report
from thinkrr_billing.sandbox.demo import history
from thinkrr_billing.sandbox.demo.people import Player
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.models import Wallet
from wallets.prices.payable import payable_seconds
from wallets.prices.rates import rates_now
from wallets.recharges import auto_recharge

LONGEST_CALL = 240
_numbers = count(1)


def run_dry(player: Player, moment: datetime) -> None:
    """Premium calls until less than a minute is left: its Premium campaigns pause.

    They may have paused by themselves in the last days, because nobody recharged.
    """
    with clock.at(moment):
        wallet = Wallet.objects.get(pk=player.wallet.pk)
        seconds = payable_seconds(pots=wallet.pots, usable="premium", rates=rates_now())
        _call_for(player, seconds - 20, moment)
    with clock.at(moment + timedelta(minutes=1)):
        history.tell_who_runs_low()


def refuse_card(sandbox: StripeSandbox, player: Player, moment: datetime) -> None:
    """Calls bring credit below the threshold while the card has no funds: a retry waits."""
    sandbox.set_card(
        Wallet.objects.get(pk=player.wallet.pk).default_payment_method,
        behaviour={"decline_code": "insufficient_funds"},
    )
    with clock.at(moment):
        wallet = Wallet.objects.get(pk=player.wallet.pk)
        spare = wallet.credit.amount - player.actor.automatic.threshold + Decimal(3)
        rate = rates_now()["premium"]
        _call_for(player, wallet.premium_seconds + int(spare * 60 / rate), moment)
    with clock.at(moment + timedelta(seconds=5)):
        sandbox.set_clock(clock.now().timestamp())
        auto_recharge.run(wallet_id=player.wallet.pk)


def _call_for(player: Player, seconds: int, moment: datetime) -> None:
    """Report Premium calls of this many seconds in all."""
    campaigns = Campaign.objects.started().filter(account=player.account, minute_type="premium")
    campaign = campaigns.order_by("pk").first()
    if campaign is None:
        return
    reports = []
    while seconds > 0:
        part = min(seconds, LONGEST_CALL)
        reports.append(
            Report(
                id=f"demo-last-{next(_numbers):04}",
                account=str(player.account.pk),
                campaign=campaign.external_id,
                seconds=part,
                ended_at=moment - timedelta(seconds=len(reports) + 5),
            )
        )
        seconds -= part
    history.report(reports)
