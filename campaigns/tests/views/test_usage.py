"""The Usage page and its file."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account, owner_of
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from wallets.tests.worlds.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

USAGE, FILE = reverse("campaigns:usage"), reverse("campaigns:usage_csv")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon():
    with clock.at(NOON):
        yield


@pytest.fixture
def agency():
    agency = make_agency("Brightline Agency", timezone="UTC")
    make_wallet(account=agency, credit="50")
    return agency


@pytest.fixture
def dental(agency):
    sub = make_sub_account("Northside Dental", agency=agency)
    make_wallet(account=sub, credit="50", premium=60)
    return sub


@pytest.fixture
def browser(client, agency):
    client.force_login(owner_of(agency))
    return client


def report(account, *seconds: int, days_ago: int = 1, **more) -> None:
    ended = NOON - timedelta(days=days_ago)
    reports = [make_report(account, seconds=one, ended_at=ended, **more) for one in seconds]
    calls.record(reports=reports, reporter=None)


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))


def test_an_agency_sees_all_its_sub_accounts_in_one_table_and_drills_down(browser, agency, dental):
    report(agency, 30)
    report(dental, 60, 60, campaign=make_campaign(dental, name="Recall"))

    whole = browser.get(USAGE)
    below = browser.get(USAGE, {"account": dental.pk, "by": "campaign"})
    calls_of = browser.get(
        USAGE, {"account": dental.pk, "campaign": Campaign.objects.get().pk, "by": "day"}
    )

    text = text_of(whole)
    assert "Northside Dental 2 2 min 1 min 00 s 1 min $0.16" in text
    assert "Brightline Agency 1 0 min 30 s 30 s 0 min $0.08" in text
    assert "Total 3 2 min 30 s 50 s 1 min $0.24" in text
    assert f"account={dental.pk}" in whole.content.decode()
    assert "Recall 2 2 min 1 min 00 s 1 min $0.16" in text_of(below)
    assert "19 Nov 2026 2 2 min 1 min 00 s 1 min $0.16" in text_of(calls_of)


def test_the_range_is_compared_with_the_one_before(browser, agency):
    report(agency, 90, 90)
    report(agency, 120, days_ago=31)

    text = text_of(browser.get(USAGE))

    assert "22 Oct 2026 to 20 Nov 2026" in text
    assert "Compared with 22 Sep 2026 to 21 Oct 2026" in text
    assert "Minutes 3 min before: 2 min, +50%" in text
    assert "From credit $0.48 before: $0.32, +50%" in text
    assert "Calls 2 before: 1, +100%" in text
    assert "Average length 1 min 30 s before: 2 min 00 s, −25%" in text


def test_each_bar_of_the_chart_says_its_day_and_its_figures(browser, agency):
    report(agency, 90, 30)

    page = browser.get(USAGE, {"since": "2026-11-18", "until": "2026-11-20"}).content.decode()

    assert 'aria-label="19 Nov 2026: 2 min, $0.32, 2 calls of 1 min 00 s"' in page
    assert 'aria-label="18 Nov 2026: no calls"' in page
    assert page.count('class="bar"') == 3
    assert page.count('tabindex="0"') == 1


def test_an_average_is_the_same_in_the_chart_and_in_the_table(browser, agency):
    """59.7 s were 59 s in the one and a minute in the other."""
    report(agency, 59, 60, 60)

    page = browser.get(USAGE, {"by": "day"})

    bar = "19 Nov 2026: 2 min 59 s, $0.48, 3 calls of 1 min 00 s"
    assert f'aria-label="{bar}"' in page.content.decode()
    assert "19 Nov 2026 3 2 min 59 s 1 min 00 s" in text_of(page)


@pytest.mark.parametrize(
    ("since", "heading"),
    [("2026-11-01", "by day"), ("2026-09-01", "by week"), ("2025-01-01", "by four weeks")],
)
def test_the_chart_says_what_a_bar_stands_for(browser, agency, since, heading):
    report(agency, 60)

    assert f"Minutes {heading} Minutes Dollars" in text_of(browser.get(USAGE, {"since": since}))


def test_a_year_is_a_bar_a_week(browser, agency):
    report(agency, 60)

    page = browser.get(USAGE, {"since": "2025-11-21"})

    assert len(page.context["chart"].bars) == 53
    assert "1 call of 1 min 00 s" in page.context["chart"].bars[-1].text


def test_the_file_has_the_figures_of_the_table(browser, agency, dental):
    report(agency, 30)
    report(dental, 60, 60)

    answer = browser.get(FILE, {"by": "account", "since": "2026-11-01"})

    assert answer["Content-Disposition"] == (
        'attachment; filename="usage-by-account-2026-11-01--2026-11-20.csv"'
    )
    assert rows_of(answer) == [
        {
            "account_id": str(dental.pk),
            "account": "Northside Dental",
            "calls": "2",
            "seconds": "120",
            "average_seconds": "60.0",
            "included_seconds": "0",
            "premium_seconds": "60",
            "basic_seconds": "0",
            "credit_usd": "0.160000",
        },
        {
            "account_id": str(agency.pk),
            "account": "Brightline Agency",
            "calls": "1",
            "seconds": "30",
            "average_seconds": "30.0",
            "included_seconds": "0",
            "premium_seconds": "0",
            "basic_seconds": "0",
            "credit_usd": "0.080000",
        },
    ]


def test_the_file_names_campaigns_as_the_api_does_and_whose_they_are(browser, dental):
    """It had numbers of ours, and campaigns of one name in two sub-accounts looked alike."""
    report(dental, 60, campaign=make_campaign(dental, name="Recall", external_id="recall-1"))

    [row] = rows_of(browser.get(FILE, {"by": "campaign"}))
    [alone] = rows_of(browser.get(FILE, {"by": "campaign", "account": dental.pk}))

    assert (row["campaign_id"], row["campaign"]) == ("recall-1", "Recall (Northside Dental)")
    assert (alone["campaign_id"], alone["campaign"]) == ("recall-1", "Recall")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\n=1", "＝cmd()"])
def test_a_name_in_the_file_is_no_formula(browser, agency, name):
    """A line's end, and the signs as they are written in East Asia, went through."""
    report(agency, 30, campaign=make_campaign(agency, name=name))

    answer = browser.get(FILE, {"by": "campaign", "account": agency.pk})

    file = StringIO(b"".join(answer.streaming_content).decode(), newline="")
    [row] = csv.DictReader(file)
    assert row["campaign"] == f"'{name}"


def test_without_calls_it_says_so(browser):
    assert "No calls in these days." in text_of(browser.get(USAGE))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"since": "2026-13-01"}, "“2026-13-01” is no day."),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "Turn the days round."),
        ({"since": "2026-11-21", "until": "2026-12-01"}, "21 Nov 2026 is still to come."),
        ({"since": "2020-01-01"}, "Ask for at most 731 days at once"),
        ({"by": "hour"}, "“hour” is no way to group."),
        ({"show": "euros"}, "“euros” is no measure."),
        ({"outcome": "busy"}, "“busy” is no outcome."),
        ({"minute_type": "gold"}, "“gold” is no minute type."),
        ({"since": "0001-01-01", "until": "0001-01-02"}, "Choose a day from 1900 on."),
        ({"until": "0001-01-01"}, "Choose a day from 1900 on."),
        ({"until": "9999-12-31"}, "Ask for at most 731 days at once"),
        ({"since": ["2026-11-01", "2026-11-10"]}, "“since” is there 2 times. Send it once."),
    ],
)
@pytest.mark.parametrize("address", [USAGE, FILE])
def test_what_makes_no_sense_is_refused_in_a_sentence(browser, address, query, sentence):
    answer = browser.get(address, query)

    assert answer.status_code == 400
    assert sentence in text_of(answer)


@pytest.mark.parametrize("name", ["sinse", "from", "cursor"])
def test_a_file_is_never_silently_another_one(browser, name):
    answer = browser.get(FILE, {name: "2026-11-01"})

    assert answer.status_code == 400
    assert f"“{name}” is nothing this file can be asked for. It knows since," in text_of(answer)


def test_the_page_leads_to_the_file_of_what_it_shows_and_to_nothing_else(browser):
    page = browser.get(USAGE, {"since": "2026-11-01", "utm_source": "mail"}).content.decode()

    assert f'href="{FILE}?since=2026-11-01"' in page
    assert "utm_source" not in page


def test_what_is_anothers_is_not_found(browser):
    other = make_individual()
    campaign = make_campaign(other)

    for query in ({"account": other.pk}, {"account": uuid4()}, {"campaign": campaign.pk}):
        assert browser.get(USAGE, query).status_code == 404
        assert browser.get(FILE, query).status_code == 404
    for text in ("x", "'", "-1", "9" * 40):
        assert browser.get(USAGE, {"campaign": text}).status_code == 404


def test_a_sub_account_sees_itself_only(client, agency, dental):
    report(agency, 30)
    report(dental, 60)
    client.force_login(owner_of(dental))

    page = client.get(USAGE)

    assert "No campaign 1 1 min" in text_of(page)
    assert [figures.seconds for *_, figures in page.context["rows"]] == [60, 60]
    assert [one.pk for one in page.context["asked"].accounts] == [dental.pk]
    assert client.get(USAGE, {"account": agency.pk}).status_code == 404


def test_more_rows_than_are_shown_are_added_up(browser, agency, monkeypatch):
    monkeypatch.setattr("campaigns.limits.USAGE_LINES_SHOWN", 2)
    for number in range(4):
        report(agency, 60 + number, campaign=make_campaign(agency, name=f"C{number}"))

    text = text_of(browser.get(USAGE, {"by": "campaign"}))

    assert "2 more, in the file 2 2 min 01 s" in text
    assert "Total 4 4 min 06 s" in text
