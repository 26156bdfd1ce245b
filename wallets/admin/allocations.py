"""Monthly allocations and their months, and what sub-accounts ask for once."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from accounts.admin.dialogs import NotedForm, staff_action
from accounts.admin.ranges import Marked
from wallets.admin.base import QuotedForm, ReadOnly, in_dollars
from wallets.allocations import retries
from wallets.models import AllocationRun, AutoAllocation, MinuteAsk
from wallets.prices.amounts import dollars


@admin.register(AutoAllocation)
class AutoAllocationAdmin(ReadOnly):
    list_display = [
        "account",
        "agency",
        "basic_minutes",
        "premium_minutes",
        "anchor_date",
        "active",
        "failed_at",
    ]
    list_filter = ["active", ("failed_at", Marked)]
    list_select_related = ["account", "agency"]
    search_fields = ["account__id__exact", "agency__id__exact"]
    search_help_text = "The id of the sub-account or of its agency"
    ordering = ["-pk"]


@admin.register(MinuteAsk)
class MinuteAskAdmin(ReadOnly):
    list_display = [
        "created_at",
        "account",
        "agency",
        "basic_minutes",
        "premium_minutes",
        "state",
        "expires_at",
    ]
    list_filter = ["state"]
    list_select_related = ["account", "agency"]
    search_fields = ["account__id__exact", "agency__id__exact"]
    search_help_text = "The id of the sub-account or of its agency"
    ordering = ["-pk"]


class RunForm(QuotedForm):
    """One month charged now: shown first is which, and the sum. `run` is None where none can be."""

    run: AllocationRun | None

    def prepare(self) -> None:
        self.run = self.find()
        self.charge = dollars(self.run.amount_cents) if self.run else None
        super().prepare()

    def find(self) -> AllocationRun | None:
        return self.subject

    def facts(self) -> list[tuple[str, object]]:
        run = self.run
        if run is None:
            return []
        return [
            ("Sub-account", run.allocation.account),
            ("Agency, whose card pays", run.allocation.agency),
            ("Month", f"{run.period:%-d %b %Y}"),
            ("Charge", in_dollars(run.amount_cents)),
            ("State", f"{run.get_state_display()} {run.error_text}"),
        ]


class MonthForm(NotedForm, RunForm):
    """The same about an account: the month that runs now."""

    def find(self) -> AllocationRun | None:
        return retries.unpaid_now(account=self.subject)


@admin.register(AllocationRun)
class AllocationRunAdmin(ReadOnly):
    list_display = [
        "period",
        "account",
        "agency",
        "state",
        "amount",
        "charged",
        "attempts",
        "next_attempt_at",
        "error_text",
    ]
    list_filter = ["state", ("period", RangeDateFilter)]
    list_select_related = ["allocation__account", "allocation__agency"]
    search_fields = ["allocation__account__id__exact", "allocation__agency__id__exact"]
    search_help_text = "The id of the sub-account or of its agency"
    ordering = ["-pk"]
    actions_detail = ["run"]
    led_to_by = ("allocation__id__exact",)

    def offered(self, name: str, run: AllocationRun) -> bool:
        return run.state in retries.RETRYABLE

    @staff_action(
        title="Run or retry",
        permission="wallets.run_allocation",
        button="Charge the agency now",
        text="Only the month that runs now can be charged, once for both types.",
        form=RunForm,
        icon="event_repeat",
        account_of=lambda run: run.allocation.account,
    )
    def run(self, run: AllocationRun, form: RunForm, request: HttpRequest) -> str:
        purchase = retries.retry_run(
            run_id=run.pk, actor=request.user, quoted_charge=form.cleaned_data["quoted_charge"]
        )
        return f"The charge is {purchase.get_state_display().lower()}. {purchase.error_text}"

    @admin.display(description="account", ordering="allocation__account__name")
    def account(self, run: AllocationRun) -> str:
        return str(run.allocation.account)

    @admin.display(description="agency", ordering="allocation__agency__name")
    def agency(self, run: AllocationRun) -> str:
        return str(run.allocation.agency)

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, run: AllocationRun) -> str:
        return in_dollars(run.amount_cents)

    @admin.display(description="charged", ordering="charged_cents")
    def charged(self, run: AllocationRun) -> str:
        return in_dollars(run.charged_cents)
