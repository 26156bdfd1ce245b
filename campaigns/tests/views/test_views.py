import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.urls import reverse

from accounts import clock
from accounts.models import Role
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)
from campaigns import calls, limits, usage_days
from campaigns.models import Campaign
from campaigns.tests.builders import (
    fill,
    make_campaign,
    make_report,
    make_wallet,
    turn_on_auto_recharge,
)
from wallets.allocations import asks
from wallets.balances.opening import open_wallet
from wallets.models import AutoRecharge, Purchase, Wallet

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def wallet(account):
    return make_wallet(account=account)


@pytest.fixture
def page(client, account):
    """The client of the account's owner."""
    client.force_login(owner_of(account))
    return client


@pytest.fixture
def member(client, account):
    """The client of somebody who may only look."""
    client.force_login(add_member(account))
    return client


def htmx(client, method, url, *args):
    return getattr(client, method)(url, *args, headers={"HX-Request": "true"})


def text(response):
    return " ".join(response.content.decode().split())


def paid(wallet, *, cents=5000, **fields):
    return Purchase.objects.create(
        payer=wallet.account,
        wallet=wallet,
        amount_cents=cents,
        buys="credit",
        payment_method="pm_visa",
        card="Visa •••• 4242",
        **{
            "purpose": "recharge",
            "state": "succeeded",
            "payment_intent": f"pi_{wallet.pk}",
            "closed_at": clock.now(),
            **fields,
        },
    )


def statuses():
    return dict(Campaign.objects.values_list("name", "status"))


# --- the list -----------------------------------------------------------------------------------


def test_the_list_shows_each_campaign_with_its_use_of_this_month(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring", minute_type="premium_then_basic")
    fill(wallet, credit="50")
    with clock.at(clock.now().replace(day=15, hour=12)):
        now = clock.now()
        reports = [
            make_report(wallet.account, campaign=campaign, seconds=150, ended_at=now),
            make_report(
                wallet.account, campaign=campaign, seconds=600, ended_at=now - timedelta(days=20)
            ),
        ]
        calls.record(reports=reports, reporter=None)

        shown = text(page.get("/campaigns/"))

    assert "Spring" in shown
    assert "Premium then Basic" in shown
    assert 'data-label="Minutes this month"> 2 </td>' in shown
    assert f"{now.day} {now:%b} {now.year}" in shown


def test_the_list_adds_what_is_kept_of_the_month_and_what_was_used_since(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring", minute_type="premium")
    fill(wallet, credit="50")
    with clock.at(clock.now().replace(day=15, hour=12)):
        report = partial(make_report, wallet.account, campaign=campaign)
        ended = [clock.now() - timedelta(days=days) for days in (5, 0)]
        reports = [report(seconds=180, ended_at=moment) for moment in ended]
        calls.record(reports=reports, reporter=None)
        today = wallet.account.local_date(clock.now())
        assert usage_days.keep(account=wallet.account, today=today)

        shown = text(page.get("/campaigns/"))

    assert 'data-label="Minutes this month"> 6 </td>' in shown


def test_the_tabs_count_and_filter(page, wallet):
    for name, status in [
        ("A", "started"),
        ("B", "manual"),
        ("C", "low_balance"),
        ("D", "complete"),
        ("E", "ended"),
        ("F", "not_started"),
    ]:
        make_campaign(wallet.account, name=f"Campaign {name}", status=status)

    response = page.get("/campaigns/", {"show": "paused"})

    assert [(tab.label, tab.count) for tab in response.context["tabs"]] == [
        ("All", 6),
        ("Started", 1),
        ("Paused", 2),
        ("Finished", 2),
    ]
    shown = text(response)
    assert "Paused by you" in shown
    assert "Paused: low balance" in shown
    assert "Campaign A" not in shown


def test_older_campaigns_are_on_the_next_page(page, wallet):
    made = [make_campaign(wallet.account) for _ in range(27)]

    first = page.get("/campaigns/")
    second = page.get("/campaigns/", {"before": first.context["more"]})

    shown = [row.campaign.pk for response in (first, second) for row in response.context["rows"]]
    assert shown == [one.pk for one in reversed(made)]
    assert second.context["more"] is None


@pytest.mark.usefixtures("wallet")
@pytest.mark.parametrize("query", ["show=nonsense", "before=x", "before=9999999999999999999999"])
def test_a_query_that_makes_no_sense_shows_the_list(page, query):
    assert page.get(f"/campaigns/?{query}").status_code == 200


@pytest.mark.usefixtures("wallet")
def test_an_empty_list_says_so(page):
    assert "No campaigns yet." in text(page.get("/campaigns/"))


def test_the_list_is_a_fixed_number_of_statements(page, wallet, django_assert_max_num_queries):
    for _ in range(12):
        make_campaign(wallet.account, status="low_balance")

    with django_assert_max_num_queries(24):
        page.get("/campaigns/")


def test_a_campaign_that_cannot_be_paid_offers_recharge_and_says_what_it_needs(page, wallet):
    make_campaign(wallet.account, status="low_balance", minute_type="basic")

    shown = text(page.get("/campaigns/"))

    assert "Needs at least $0.09 to run" in shown
    assert 'href="/payments/recharge/?buys=basic"' in shown
    assert "Resume campaigns" not in shown


def test_a_member_sees_the_list_without_buttons(member, wallet):
    make_campaign(wallet.account)
    fill(wallet, credit="5")
    make_campaign(wallet.account, status="low_balance")

    shown = text(member.get("/campaigns/"))

    assert "Paused: low balance" in shown
    assert 'aria-label="Pause ' not in shown
    assert 'aria-label="Resume ' not in shown
    assert "Resume campaigns" not in shown


# --- one campaign -------------------------------------------------------------------------------


def test_a_campaign_shows_its_last_calls(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring", external_id="spring-7")
    fill(wallet, premium=60, credit="1")
    reports = [make_report(wallet.account, campaign=campaign, seconds=90, outcome="no_answer")]
    calls.record(reports=reports, reporter=None)

    shown = text(page.get(reverse("campaigns:detail", args=[campaign.pk])))

    assert "spring-7" in shown
    assert "No answer" in shown
    assert "1 min 30 s" in shown
    assert "1 min 00 s" in shown
    assert "$0.08" in shown
    assert "about 1 min, $0.24" in shown


@pytest.mark.usefixtures("wallet")
def test_a_campaign_of_another_account_is_not_there(page):
    other = make_campaign(make_individual("Other"))

    assert page.get(reverse("campaigns:detail", args=[other.pk])).status_code == 404
    assert page.post(reverse("campaigns:resume_one", args=[other.pk])).status_code == 404
    assert page.post(reverse("campaigns:pause", args=[other.pk])).status_code == 404
    assert Campaign.objects.get(pk=other.pk).is_started


# --- pause and resume by a button ---------------------------------------------------------------


def test_pause_without_javascript_comes_back_with_a_message(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring")

    response = page.post(reverse("campaigns:pause", args=[campaign.pk]), follow=True)

    assert response.redirect_chain == [("/campaigns/", 302)]
    assert "Spring is paused. Calls in progress finish." in text(response)
    assert statuses() == {"Spring": "paused"}


def test_pause_with_htmx_tells_the_page_behind(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring")

    response = htmx(page, "post", reverse("campaigns:pause", args=[campaign.pk]))

    assert response.status_code == 204
    events = json.loads(response["HX-Trigger"])
    assert events["toast"]["text"] == "Spring is paused. Calls in progress finish."
    assert "balance-changed" in events


def test_resume_runs_a_campaign_that_can_be_paid(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring", status="manual")
    fill(wallet, premium=60)

    page.post(reverse("campaigns:resume_one", args=[campaign.pk]))

    assert statuses() == {"Spring": "started"}


def test_a_refused_resume_says_why_and_changes_nothing(page, wallet):
    campaign = make_campaign(wallet.account, name="Spring", status="low_balance")

    response = page.post(
        reverse("campaigns:resume_one", args=[campaign.pk]), {"from": "detail"}, follow=True
    )
    fragment = htmx(page, "post", reverse("campaigns:resume_one", args=[campaign.pk]))

    assert response.redirect_chain == [(f"/campaigns/{campaign.pk}/", 302)]
    assert "Needs Premium minutes. Needs at least $0.16 to run." in text(response)
    assert fragment.status_code == 409
    assert "Needs Premium minutes." in text(fragment)
    assert statuses() == {"Spring": "paused"}


@pytest.mark.parametrize("name", ["pause", "resume_one"])
def test_a_member_may_not_pause_or_resume(member, wallet, name):
    fill(wallet, premium=600)
    status = "started" if name == "pause" else "low_balance"
    campaign = make_campaign(wallet.account, status=status)

    response = member.post(reverse(f"campaigns:{name}", args=[campaign.pk]))

    assert response.status_code == 403
    campaign.refresh_from_db()
    assert campaign.is_started == (name == "pause")


def test_an_agencys_admin_may_pause_a_sub_accounts_campaign_after_switching(client):
    agency = make_agency()
    sub_account = make_sub_account(agency=agency)
    campaign = make_campaign(sub_account)
    client.force_login(add_member(agency, Role.ADMIN))
    client.post(reverse("accounts:switch"), {"account": sub_account.pk})

    client.post(reverse("campaigns:pause", args=[campaign.pk]))

    campaign.refresh_from_db()
    assert campaign.is_paused


def test_a_closed_accounts_pages_are_read_only(page, account, wallet):
    fill(wallet, premium=600)
    campaign = make_campaign(account, status="low_balance")
    close(account)

    assert page.get("/campaigns/").status_code == 200
    assert page.post(reverse("campaigns:resume_one", args=[campaign.pk])).status_code == 403


# --- the resume dialog --------------------------------------------------------------------------


@pytest.fixture
def waiting(wallet):
    """One campaign that can be resumed, and one that cannot."""
    fill(wallet, basic=600)
    return {
        "basic": make_campaign(
            wallet.account, name="Spring", status="low_balance", minute_type="basic"
        ),
        "premium": make_campaign(wallet.account, name="Autumn", status="low_balance"),
    }


def boxes(response):
    return {
        one.campaign.name: (one.campaign.pk in response.context["chosen"], one.reason)
        for one, _ in response.context["waiting"]
    }


def test_the_dialog_checks_what_can_run_and_shows_the_rest_with_its_reason(page, waiting):
    response = htmx(page, "get", "/campaigns/resume/")

    assert boxes(response) == {
        "Spring": (True, ""),
        "Autumn": (False, "Needs Premium minutes"),
    }
    shown = text(response)
    assert "<html" not in shown
    assert f'value="{waiting["premium"].pk}" disabled' in shown
    assert f'value="{waiting["basic"].pk}" checked' in shown
    assert "Recharge Premium" in shown
    assert "Resume 1 campaign" in shown


@pytest.mark.usefixtures("waiting")
def test_without_javascript_the_dialog_is_a_page(page):
    shown = text(page.get("/campaigns/resume/"))

    assert "<html" in shown
    assert "Spring" in shown


def test_the_button_counts_the_chosen_boxes(page, waiting):
    basic = waiting["basic"].pk
    one = text(page.get(f"/campaigns/resume/?cost=1&campaign={basic}"))
    none = text(page.get("/campaigns/resume/?cost=1"))

    assert "Resume 1 campaign" in one
    assert "Resume campaigns" in none


def test_resuming_the_chosen_ones_closes_the_dialog(page, waiting):
    response = htmx(page, "post", "/campaigns/resume/", {"campaign": [waiting["basic"].pk]})

    assert response.status_code == 204
    events = json.loads(response["HX-Trigger"])
    assert events["toast"]["text"] == "1 campaign resumed."
    assert "dialog-close" in events
    assert statuses() == {"Spring": "started", "Autumn": "paused"}


@pytest.mark.usefixtures("waiting")
def test_choosing_nothing_is_said_in_the_dialog(page):
    response = htmx(page, "post", "/campaigns/resume/", {})

    assert response.status_code == 422
    assert "Choose at least one campaign" in text(response)
    assert statuses() == {"Spring": "paused", "Autumn": "paused"}


def test_what_cannot_run_after_all_is_marked_and_the_others_run(page, waiting):
    chosen = [waiting["basic"].pk, waiting["premium"].pk]

    response = htmx(page, "post", "/campaigns/resume/", {"campaign": chosen})

    assert response.status_code == 422
    assert "1 campaign resumed. Not resumed: Autumn: needs premium minutes." in text(response)
    assert response.context["marked"] == {waiting["premium"].pk}
    assert statuses() == {"Spring": "started", "Autumn": "paused"}


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("value", ["0", "x", "999999999"])
def test_a_campaign_that_is_not_in_the_list_cannot_be_chosen(page, value):
    response = page.post("/campaigns/resume/", {"campaign": [value]})

    assert response.status_code == 422
    assert set(statuses().values()) == {"paused"}


@pytest.mark.usefixtures("waiting")
def test_after_a_payment_the_dialog_confirms_it(page, wallet):
    fill(wallet, credit="0.10")
    purchase = paid(wallet)

    shown = text(htmx(page, "get", f"/campaigns/resume/?purchase={purchase.pk}"))

    assert "Recharge complete" in shown
    assert "Payment received: $50.00. New balance $0.10 and 10 Basic minutes." in shown
    assert f'href="/payments/receipts/{purchase.pk}/"' in shown


def test_a_payment_that_resumes_nothing_says_what_is_missing(page, wallet):
    make_campaign(wallet.account, status="low_balance")
    purchase = paid(wallet)

    shown = text(htmx(page, "get", f"/campaigns/resume/?purchase={purchase.pk}"))

    assert "This recharge can't resume your paused campaigns. They need Premium minutes." in shown
    assert "Close" in shown
    assert "Not now" not in shown


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_payment_leads_to_resuming_only_while_something_waits(page, wallet, headers):
    url = reverse("wallets:purchase", args=[paid(wallet).pk])
    resume = "/campaigns/resume/?purchase="

    nothing = text(page.get(url, headers=headers))
    make_campaign(wallet.account, status="manual")
    by_hand = text(page.get(url, headers=headers))
    make_campaign(wallet.account, status="low_balance")
    waiting = text(page.get(url, headers=headers))

    assert (resume in nothing, resume in by_hand, resume in waiting) == (False, False, True)


def test_with_nothing_paused_the_step_is_skipped_and_the_receipt_shown(page, wallet):
    purchase = paid(wallet)
    url = f"/campaigns/resume/?purchase={purchase.pk}"

    assert htmx(page, "get", url).status_code == 204
    assert page.get(url)["Location"] == f"/payments/receipts/{purchase.pk}/"


@pytest.mark.usefixtures("waiting")
def test_another_accounts_payment_or_an_open_one_is_not_shown(page, wallet):
    other = make_wallet(account=make_individual("Other"))
    theirs = paid(other)
    mine = paid(wallet, state="submitted", closed_at=None)

    for asked in (theirs.pk, mine.pk, "nonsense"):
        assert "Payment received" not in text(page.get(f"/campaigns/resume/?purchase={asked}"))


def test_a_long_list_shows_those_that_can_run_first_and_how_many_follow(page, wallet, monkeypatch):
    monkeypatch.setattr(limits, "RESUME_SHOWN", 2)
    fill(wallet, basic=600)
    for name in ("Autumn", "Winter"):
        make_campaign(wallet.account, name=name, status="low_balance")
    for name in ("One", "Two", "Three"):
        make_campaign(wallet.account, name=name, status="low_balance", minute_type="basic")

    response = htmx(page, "get", "/campaigns/resume/")

    assert boxes(response) == {"One": (True, ""), "Two": (True, "")}
    assert "3 more paused campaigns are not shown. Resume these first." in text(response)
    assert "Resume 2 campaigns" in text(response)


def test_a_member_sees_the_list_but_cannot_resume(member, waiting):
    shown = text(member.get("/campaigns/resume/"))
    answer = member.post("/campaigns/resume/", {"campaign": [waiting["basic"].pk]})

    assert "Spring" in shown
    assert "Ask an owner to recharge" in shown
    assert 'id="resume-form"' not in shown
    assert answer.status_code == 403
    assert set(statuses().values()) == {"paused"}


# --- the banner ---------------------------------------------------------------------------------


def banner(client, seen=""):
    return htmx(client, "get", f"/banner/?seen={seen}" if seen else "/banner/")


@pytest.mark.parametrize(
    ("hold", "said", "leads_to"),
    [
        (
            "declined",
            "Auto-Recharge failed: The card was declined. We try again 14 Nov at 13:00.",
            "Update payment method",
        ),
        (
            "daily_ceiling",
            "Automatic charges of today reached your daily ceiling. They go on 14 Nov at 13:00.",
            "Raise the ceiling",
        ),
        (
            "monthly_limit",
            "Your monthly limit leaves no room for another automatic recharge before 14 Nov at "
            "13:00.",
            "Recharge",
        ),
    ],
)
def test_a_charge_that_has_to_wait_is_told_on_every_page_until_it_comes(
    page, wallet, hold, said, leads_to
):
    turn_on_auto_recharge(wallet)
    fill(wallet, credit="50")
    waits = {"hold_reason": hold, "not_before": NOON + timedelta(hours=1)}
    AutoRecharge.objects.filter(wallet=wallet).update(**waits)

    with clock.at(NOON):
        fine = banner(page).status_code
        fill(wallet, credit="-49.50")
        low = text(banner(page))
        on_the_page = text(page.get("/settings/profile/"))
    with clock.at(NOON + timedelta(hours=1)):
        over = text(banner(page))

    assert fine == 204
    assert said in low
    assert leads_to in low
    assert said in on_the_page
    assert said not in over


@pytest.mark.parametrize("hold", ["cooldown", "gateway", "too_many"])
def test_a_charge_that_waits_for_a_moment_troubles_nobody(page, wallet, hold):
    turn_on_auto_recharge(wallet)
    waits = {"hold_reason": hold, "not_before": NOON + timedelta(minutes=2)}
    AutoRecharge.objects.filter(wallet=wallet).update(**waits)

    with clock.at(NOON):
        fill(wallet, credit="-9.50")
        shown = banner(page).status_code

    assert shown == 204


def test_a_healthy_account_has_no_banner(page, wallet):
    fill(wallet, credit="50")

    assert banner(page).status_code == 204


def test_every_page_has_its_banner_in_its_first_answer(page, wallet):
    make_campaign(wallet.account, status="low_balance")

    first = text(page.get("/settings/"))
    refreshed = htmx(page, "get", "/campaigns/")

    assert "1 campaign paused" in first
    assert 'id="banner-seen"' not in refreshed.content.decode()


def test_a_dismissed_banner_is_not_in_the_next_page(page, wallet):
    fill(wallet, credit="8.20")
    assert "Low balance" in text(page.get("/settings/"))

    htmx(page, "post", "/banner/", {"mark": banner(page).context["banner"].mark})

    assert "Low balance" not in text(page.get("/settings/"))


def test_paused_campaigns_ask_for_a_recharge(page, wallet):
    make_campaign(wallet.account, status="low_balance")
    make_campaign(wallet.account, status="low_balance")

    shown = text(banner(page))

    assert (
        "2 campaigns paused: balance too low. Your balance is $0.00. "
        "Recharge to continue calling." in shown
    )
    assert 'href="/payments/recharge/?buys=premium"' in shown
    assert "Dismiss" not in shown


def test_a_balance_that_is_enough_offers_to_resume(page, wallet):
    make_campaign(wallet.account, status="low_balance")
    fill(wallet, credit="50")

    shown = text(banner(page))

    assert "1 campaign is still paused. Your balance is enough to resume it." in shown
    assert "Resume campaigns" in shown


@pytest.mark.usefixtures("waiting")
def test_a_balance_enough_for_some_says_for_how_many(page):
    assert "2 campaigns are still paused. Your balance is enough to resume 1 of them." in text(
        banner(page)
    )


def test_campaigns_paused_by_hand_are_nobodys_alarm(page, wallet):
    fill(wallet, credit="50")
    make_campaign(wallet.account, status="manual")

    assert banner(page).status_code == 204


def test_a_failed_card_is_the_banner_or_its_second_sentence(page, wallet):
    turn_on_auto_recharge(wallet)
    AutoRecharge.objects.filter(wallet=wallet).update(
        suspended_at=clock.now(), suspended_reason="payment_failed"
    )
    paid(wallet, state="declined", payment_intent=None, purpose="auto_recharge")
    failed = "Auto-Recharge failed: Visa •••• 4242 was declined. Calls stop when the balance"

    alone = text(banner(page))
    make_campaign(wallet.account, status="low_balance")
    together = text(banner(page))

    assert failed in alone
    assert "Update payment method" in alone
    assert "1 campaign paused: balance too low." in together
    assert failed in together
    assert together.index("Recharge </a>") < together.index("Update payment method </a>")


def test_a_confirmation_that_was_refused_is_not_called_a_decline_of_the_card(page, wallet):
    turn_on_auto_recharge(wallet)
    AutoRecharge.objects.filter(wallet=wallet).update(
        suspended_at=clock.now(), suspended_reason="payment_failed"
    )
    code = "payment_intent_authentication_failure"
    facts = {"payment_intent": None, "purpose": "auto_recharge", "decline_code": code}
    paid(wallet, state="declined", **facts)

    assert (
        "Auto-Recharge failed: the payment with Visa •••• 4242 was not confirmed with your bank. "
        "Calls stop when the balance"
    ) in text(banner(page))


def test_a_bank_confirmation_leads_to_the_payment(page, wallet):
    purchase = paid(wallet, state="requires_action", closed_at=None)

    shown = text(banner(page))

    assert "Your bank needs you to confirm a $50.00 payment." in shown
    assert f'href="/payments/purchases/{purchase.pk}/"' in shown


def test_nobody_is_sent_to_the_bank_for_a_payment_support_looks_at(page, wallet):
    fill(wallet, credit="50")
    paid(wallet, state="requires_action", closed_at=None, quarantined_at=clock.now())

    assert banner(page).status_code == 204


def test_a_low_balance_is_told_and_can_be_dismissed_until_it_is_low_again(page, wallet):
    fill(wallet, credit="8.20")

    shown = banner(page)
    mark = shown.context["banner"].mark
    htmx(page, "post", "/banner/", {"mark": mark})

    assert "Low balance: $8.20, about 51 Premium minutes." in text(shown)
    assert banner(page).status_code == 204
    assert text(banner(page, seen=mark)) == ""
    AutoRecharge.objects.filter(wallet=wallet).update(low_since=clock.now() + timedelta(hours=1))
    assert "Low balance" in text(banner(page))


def test_the_banner_counts_the_minutes_that_payments_counts(page, wallet):
    fill(wallet, credit="8.20", premium=7200)

    assert "Low balance: $8.20, about 171 Premium minutes." in text(banner(page))
    assert "≈ 171 min" in text(page.get("/payments/"))


def test_a_balance_that_lasts_for_weeks_is_not_called_low(page, wallet):
    with clock.at(clock.now() - timedelta(days=20)):
        fill(wallet, credit="9")
    calls.record(
        reports=[make_report(wallet.account, campaign=make_campaign(wallet.account), seconds=60)],
        reporter=None,
    )
    with clock.at(clock.now() + timedelta(days=6)):
        payments = text(page.get("/payments/"))
        shown = banner(page)

    # $8.84 at 16 cents in six days.
    assert 'id="standing">Below threshold<' in payments
    assert "about 11 months" in payments
    assert shown.status_code == 204


@pytest.mark.usefixtures("wallet")
def test_a_new_account_is_not_warned_of_the_money_it_never_had(page):
    assert banner(page).status_code == 204
    assert 'id="standing">No credit yet<' in text(page.get("/payments/"))


def test_a_negative_balance_is_not_told_in_minutes(page, wallet):
    fill(wallet, credit="-1.92")

    assert "Your balance is −$1.92. Recharge to continue calling." in text(banner(page))


def test_an_agency_reads_what_its_sub_accounts_ask_for_and_answers_from_the_banner(client):
    agency = make_agency("Brightline Agency")
    open_wallet(account=agency)
    client.force_login(owner_of(agency))
    first = make_sub_account("Dental", agency=agency)
    asked = asks.ask(account=first, actor=owner_of(first), basic_minutes=0, premium_minutes=500)

    one = banner(client)
    second = make_sub_account("Law", agency=agency)
    asks.ask(account=second, actor=owner_of(second), basic_minutes=5, premium_minutes=0)
    two = text(banner(client))

    assert "Dental asks for 500 Premium minutes." in text(one)
    assert f"/give-minutes/?ask={asked.pk}" in one.content.decode()
    assert "2 sub-accounts ask for minutes. Dental asked first." in two
    assert "See them" in two


def test_the_banner_of_paused_campaigns_cannot_be_dismissed(page, wallet):
    make_campaign(wallet.account, status="low_balance")
    mark = banner(page).context["banner"].mark

    htmx(page, "post", "/banner/", {"mark": mark})

    assert "1 campaign paused" in text(banner(page))


def test_what_a_page_shows_already_is_not_sent_again(page, wallet):
    make_campaign(wallet.account, status="low_balance")
    mark = banner(page).context["banner"].mark

    assert banner(page, seen=mark).status_code == 204
    fill(wallet, credit="0.05")
    assert "Your balance is $0.05." in text(banner(page, seen=mark))


def test_a_banner_that_is_over_is_taken_away(page, wallet):
    make_campaign(wallet.account, status="low_balance")
    mark = banner(page).context["banner"].mark
    Campaign.objects.update(status="started", pause_reason="", paused_at=None)
    fill(wallet, credit="50")

    gone = banner(page, seen=mark)

    assert (gone.status_code, text(gone)) == (200, "")


def test_a_member_asks_an_owner_to_resume_what_the_balance_pays_again(member, wallet):
    fill(wallet, credit="5")
    make_campaign(wallet.account, status="low_balance")

    shown = text(banner(member))

    assert "Your balance is enough to resume it." in shown
    assert "Ask an owner to resume" in shown
    assert 'name="about" value="resume"' in shown


def test_a_member_is_told_to_ask_an_owner(member, wallet):
    make_campaign(wallet.account, status="low_balance")

    shown = text(banner(member))

    assert "Ask an owner to recharge" in shown
    assert "href=" not in shown.replace("icons.svg", "").split("</p>")[1]


@pytest.mark.usefixtures("wallet")
def test_a_closed_account_has_no_banner(page, account):
    make_campaign(account, status="low_balance")
    close(account)

    assert banner(page).status_code == 204


def test_pages_ask_for_a_login(client):
    for url in ("/campaigns/", "/campaigns/resume/", "/banner/"):
        assert client.get(url)["Location"].startswith("/login/")
    assert Wallet.objects.count() == 0


def test_nobody_else_sees_the_campaigns_of_an_account(client, wallet):
    make_campaign(wallet.account, name="Secret spring")
    stranger = make_user()
    make_individual("Other", owner=stranger)
    client.force_login(stranger)

    assert "Secret spring" not in text(client.get("/campaigns/"))
