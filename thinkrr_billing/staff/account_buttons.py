"""The buttons of the account page: each calls one function of the middle, once, with a reason."""

from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.accounts import AccountAdmin
from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.models import Account
from accounts.people import api_keys, closing
from campaigns import lifecycle, resuming
from campaigns.models import Campaign
from thinkrr_billing.staff import account_forms as forms
from wallets.admin.allocations import MonthForm
from wallets.admin.base import amount_of
from wallets.admin.purchases import RetryForm, retry_auto_recharge
from wallets.allocations import retries
from wallets.balances import blocking
from wallets.balances.opening import open_wallet
from wallets.cards import keeping
from wallets.models import AdjustmentRequest, AllocationRun, Wallet
from wallets.recharges import configure, suspensions
from wallets.support import adjusting, plans, policy

ITSELF = {"account_of": lambda account: account}


class AccountButtons(AccountAdmin):
    actions_detail = [
        {
            "title": "Money",
            "icon": "payments",
            "items": ["adjust", "grant_included", "set_included", "run_allocation", "unblock"],
        },
        {"title": "Auto-Recharge", "icon": "autorenew", "items": ["retry", "suspend", "lift"]},
        {
            "title": "Campaigns",
            "icon": "campaign",
            "items": ["pause_campaigns", "resume_campaigns"],
        },
        {
            "title": "Account",
            "icon": "lock",
            "items": ["renew_customer", "revoke_keys", "close", "reopen"],
        },
    ]

    def offered(self, name: str, account: Account) -> bool:
        offers = getattr(account, "offers", None)
        if offers is None:
            # Asked for each button in turn: one look at the account answers for all of them.
            offers = account.offers = _offers(account)
        return offers.get(name, True)

    @staff_action(
        title="Adjust a balance",
        permission="wallets.adjust_wallet",
        button="Adjust",
        form=forms.AdjustForm,
        icon="tune",
        **ITSELF,
    )
    def adjust(self, account: Account, form: forms.AdjustForm, request: HttpRequest) -> str:
        made = adjusting.adjust(
            wallet_id=open_wallet(account=account).pk,
            pot=form.cleaned_data["pot"],
            amount=form.signed,
            note=form.cleaned_data["reason"],
            customer_note=form.cleaned_data["customer_note"],
            actor=request.user,
            form_key=str(form.cleaned_data["form_key"]),
        )
        return _adjusted(made)

    @staff_action(
        title="Grant Included minutes",
        permission="wallets.grant_included",
        button="Grant",
        text="For the rest of this month; what is left is reset on the anchor day.",
        form=forms.GrantForm,
        icon="redeem",
        **ITSELF,
    )
    def grant_included(self, account: Account, form: forms.GrantForm, request: HttpRequest) -> str:
        made = adjusting.grant_included(
            account=account,
            minutes=form.cleaned_data["minutes"],
            note=form.cleaned_data["reason"],
            customer_note=form.cleaned_data["customer_note"],
            actor=request.user,
            form_key=str(form.cleaned_data["form_key"]),
        )
        return _adjusted(made)

    @staff_action(
        title="Change Included minutes",
        permission="wallets.set_included",
        button="Change",
        text=(
            "From the next period on, which begins on the first anchor day at least a month after "
            "the last one that was granted."
        ),
        form=forms.IncludedForm,
        icon="calendar_month",
        **ITSELF,
    )
    def set_included(self, account: Account, form: forms.IncludedForm, request: HttpRequest) -> str:
        made = plans.set_included(
            account=account,
            minutes=form.cleaned_data["minutes"],
            anchor_day=form.cleaned_data["anchor_day"],
            note=form.cleaned_data["reason"],
            actor=request.user,
            form_key=str(form.cleaned_data["form_key"]),
            seen=form.cleaned_data["seen"],
        )
        if isinstance(made, AdjustmentRequest):
            return policy.ASKED
        return f"{made.included_minutes:,} minutes a month, on day {made.included_anchor_day}."

    @staff_action(
        title="Run or retry this month's allocation",
        permission="wallets.run_allocation",
        button="Charge the agency now",
        text="Charges the agency's card for this month, with the allocation's minutes and rates.",
        form=MonthForm,
        icon="event_repeat",
        **ITSELF,
    )
    def run_allocation(self, account: Account, form: MonthForm, request: HttpRequest) -> str:
        purchase = retries.retry_now(
            account=account,
            agency=account.agency,
            actor=request.user,
            by_support=True,
            quoted_charge=form.cleaned_data["quoted_charge"],
        )
        return f"The charge is {purchase.get_state_display().lower()}. {purchase.error_text}"

    @staff_action(
        title="Lift the block",
        permission="wallets.unblock_wallet",
        button="Lift the block",
        form=forms.UnblockForm,
        icon="lock_open",
        **ITSELF,
    )
    def unblock(self, account: Account, form: forms.UnblockForm, request: HttpRequest) -> str:
        blocking.unblock(wallet_id=open_wallet(account=account).pk)
        return "The block is lifted. A suspended Auto-Recharge is lifted apart."

    @staff_action(
        title="Suspend Auto-Recharge",
        permission="wallets.suspend_autorecharge",
        button="Suspend",
        text="No automatic charges until support lifts it. The customer is told.",
        form=forms.AutoRechargeForm,
        icon="pause_circle",
        variant=ActionVariant.WARNING,
        **ITSELF,
    )
    def suspend(self, account: Account, form: ReasonForm, request: HttpRequest) -> str:
        suspensions.suspend_by_support(wallet_id=open_wallet(account=account).pk)
        return "Auto-Recharge is suspended."

    @staff_action(
        title="Lift the suspension",
        permission="wallets.lift_autorecharge",
        button="Lift the suspension",
        text="Declines are forgotten, and the balance is looked at again. The customer is told.",
        form=forms.LiftForm,
        icon="play_circle",
        **ITSELF,
    )
    def lift(self, account: Account, form: ReasonForm, request: HttpRequest) -> str:
        suspensions.lift_by_support(wallet_id=open_wallet(account=account).pk)
        return "The suspension is lifted."

    @staff_action(
        title="Retry Auto-Recharge",
        permission="wallets.retry_autorecharge",
        button="Charge now",
        text="One attempt now, whatever the wait. Its outcome decides what follows.",
        form=RetryForm,
        icon="restart_alt",
        **ITSELF,
    )
    def retry(self, account: Account, form: RetryForm, request: HttpRequest) -> str:
        return retry_auto_recharge(
            wallet=open_wallet(account=account),
            actor=request.user,
            quoted_charge=form.cleaned_data["quoted_charge"],
        )

    @staff_action(
        title="Pause campaigns",
        permission="campaigns.pause_campaign",
        button="Pause",
        form=forms.PauseForm,
        icon="pause",
        variant=ActionVariant.WARNING,
        **ITSELF,
    )
    def pause_campaigns(self, account: Account, form: forms.PauseForm, request: HttpRequest) -> str:
        paused = lifecycle.pause_many(campaign_ids=form.ids(), account=account, actor=request.user)
        return f"{len(paused)} paused."

    @staff_action(
        title="Resume campaigns",
        permission="campaigns.resume_campaign",
        button="Resume",
        form=forms.ResumeForm,
        icon="play_arrow",
        **ITSELF,
    )
    def resume_campaigns(
        self, account: Account, form: forms.ResumeForm, request: HttpRequest
    ) -> str:
        answer = resuming.resume(campaign_ids=form.ids(), account=account, actor=request.user)
        refused = "".join(f" {one.campaign}: {one.verdict.sentence}" for one in answer.refused)
        return f"{len(answer.resumed)} resumed.{refused}"

    @staff_action(
        title="Revoke all API keys",
        permission="accounts.revoke_apikey",
        button="Revoke all",
        form=forms.KeysForm,
        icon="key_off",
        variant=ActionVariant.DANGER,
        **ITSELF,
    )
    def revoke_keys(self, account: Account, form: ReasonForm, request: HttpRequest) -> str:
        return f"{api_keys.revoke_all(account=account)} keys are revoked."

    @staff_action(
        title="Close the account",
        permission="accounts.close_account",
        button="Close the account",
        form=forms.CloseForm,
        icon="lock",
        variant=ActionVariant.DANGER,
        **ITSELF,
    )
    def close(self, account: Account, form: ReasonForm, request: HttpRequest) -> str:
        closing.close(account=account)
        return "The account is closed."

    @staff_action(
        title="Reopen the account",
        permission="accounts.close_account",
        button="Reopen the account",
        text=(
            "Auto-Recharge and monthly allocations stay off until the customer turns them on. "
            "Campaigns stay paused until somebody resumes them."
        ),
        form=forms.NotedAccountForm,
        icon="lock_open",
        **ITSELF,
    )
    def reopen(self, account: Account, form: ReasonForm, request: HttpRequest) -> str:
        closing.reopen(account=account)
        return "The account is open again. Auto-Recharge and monthly allocations are off."

    @staff_action(
        title="Renew the link to Stripe's customer",
        permission="accounts.renew_customer",
        button="Renew the link",
        text=(
            "Asks Stripe whether the customer is there. One that was deleted is replaced, without "
            "its cards; of one that is there the cards are read again."
        ),
        icon="link",
        **ITSELF,
    )
    def renew_customer(self, account: Account, form: ReasonForm, request: HttpRequest) -> str:
        return keeping.renew_customer(account=account)


def _adjusted(made: object) -> str:
    if isinstance(made, AdjustmentRequest):
        return policy.ASKED
    moved = amount_of(made.pot, made.amount, signed=True)
    return f"Posted: {moved} of {made.get_pot_display()}."


def _offers(account: Account) -> dict[str, bool]:
    """Which buttons mean anything now. Those that are not named always do."""
    wallet = Wallet.objects.filter(account=account).select_related("auto_recharge").first()
    automatic = getattr(wallet, "auto_recharge", None)
    suspended = bool(automatic and automatic.suspended_at)
    states = set(
        Campaign.objects.filter(account=account).order_by().values_list("status").distinct()
    )
    return {
        "grant_included": account.agency_id is None,
        "set_included": account.agency_id is None,
        "unblock": bool(wallet and wallet.blocked_at),
        "suspend": bool(automatic) and not suspended,
        "lift": suspended,
        "retry": bool(automatic) and configure.has_failed(automatic),
        "run_allocation": _unpaid(account) is not None,
        "pause_campaigns": (Campaign.Status.STARTED,) in states,
        "resume_campaigns": (Campaign.Status.PAUSED,) in states,
        "revoke_keys": account.api_keys.filter(revoked_at=None).exists(),
        "close": not account.is_closed,
        "reopen": account.is_closed,
    }


def _unpaid(account: Account) -> AllocationRun | None:
    """The latest month that was not paid, of an allocation that is still on."""
    latest = AllocationRun.objects.filter(allocation__account=account, allocation__active=True)
    run = latest.order_by("-period").first()
    return run if run and run.state in retries.RETRYABLE else None
