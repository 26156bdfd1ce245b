"""The current account, switching, notifications, and refusals as pages."""

import re

import pytest

from accounts.models import Membership, Notification, Role
from accounts.telling.notifications import notify
from accounts.tests.builders import (
    add_member,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db

PAGES = ["/settings/", "/settings/members/", "/settings/api-keys/", "/settings/profile/"]
PAGES += ["/notifications/", "/accounts/switch/"]


@pytest.fixture
def agency():
    return make_agency()


@pytest.fixture
def sub_account(agency):
    return make_sub_account(agency=agency)


@pytest.fixture
def boss(agency, client):
    user = owner_of(agency)
    client.force_login(user)
    return user


def current(client):
    return client.get("/settings/profile/").context["current_account"]


def go_to(client, account, **form):
    return client.post("/accounts/switch/", {"account": str(account.pk), **form})


@pytest.mark.usefixtures("boss")
def test_the_agency_switches_to_its_sub_account_and_back(client, agency, sub_account):
    assert current(client) == agency

    assert go_to(client, sub_account)["Location"] == "/"
    assert current(client) == sub_account
    assert go_to(client, agency, next="/settings/")["Location"] == "/settings/"
    assert current(client) == agency


@pytest.mark.usefixtures("boss")
def test_switching_leads_only_to_our_own_pages(client, sub_account):
    assert go_to(client, sub_account, next="https://evil.example/")["Location"] == "/"


@pytest.mark.usefixtures("boss")
@pytest.mark.parametrize("wanted", ["nonsense", "", "00000000-0000-4000-8000-000000000000"])
def test_nobody_switches_to_what_they_may_not_see(client, agency, wanted):
    assert client.post("/accounts/switch/", {"account": wanted}).status_code == 404
    assert go_to(client, make_individual()).status_code == 404
    assert current(client) == agency


@pytest.mark.usefixtures("boss")
def test_switching_is_a_post(client, agency, sub_account):
    client.get(f"/accounts/switch/?account={sub_account.pk}")

    assert current(client) == agency


def test_a_seat_taken_away_ends_at_the_next_page(client, boss, agency, sub_account):
    go_to(client, sub_account)
    add_member(own := make_individual(), Role.OWNER, user=boss)
    Membership.objects.filter(account=agency).delete()

    assert current(client) == own


@pytest.mark.usefixtures("boss")
def test_all_accounts_are_listed_found_and_paged(client, agency):
    for number in range(30):
        make_sub_account(f"Clinic {number:02}", agency=agency)

    first = client.get("/accounts/switch/")
    assert len(first.context["accounts"]) == 25
    assert "Page 1 of 2" in first.content.decode()
    found = client.get("/accounts/switch/?q=clinic 07&page=nonsense").context["accounts"]
    assert [account.name for account in found] == ["Clinic 07"]
    assert client.get("/accounts/switch/?q=%25&page=-1").status_code == 200


@pytest.mark.usefixtures("boss")
def test_a_page_asks_little_of_the_database(client, sub_account, django_assert_num_queries):
    go_to(client, sub_account)

    # Session, user, memberships, the sub-account; then its menu, its bell, whether it has a banner
    # and the list.
    with django_assert_num_queries(8):
        client.get("/notifications/")


@pytest.mark.usefixtures("boss")
def test_pages_are_not_kept_by_caches_and_carry_the_request_id(client):
    response = client.get("/settings/", headers={"X-Request-ID": "abcd-1234"})

    assert "no-store" in response["Cache-Control"]
    assert response["X-Request-ID"] == "abcd-1234"
    spoilt = client.get("/settings/", headers={"X-Request-ID": "x y; drop"})
    assert re.fullmatch(r"[0-9a-f]{32}", spoilt["X-Request-ID"])


@pytest.mark.parametrize("path", PAGES)
def test_signed_out_pages_lead_to_the_log_in(client, path):
    response = client.get(path)

    assert response["Location"] == f"/login/?next={path}"


def test_a_fragment_asked_for_after_log_out_moves_the_whole_page(client):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/settings/?a=1"}

    response = client.get("/notifications/", headers=headers)

    assert response.status_code == 204
    assert response["HX-Redirect"] == "/login/?next=%2Fsettings%2F%3Fa%3D1"


@pytest.mark.parametrize("path", [page for page in PAGES if page != "/settings/profile/"])
def test_somebody_without_an_account_gets_a_friendly_page(client, path):
    client.force_login(make_user("alone@example.com"))

    response = client.get(path)

    assert response.status_code == 403
    assert "No account yet" in response.content.decode()
    assert client.get("/settings/profile/").status_code == 200
    assert client.post("/logout/").status_code == 302


@pytest.mark.usefixtures("boss")
class TestNotifications:
    def test_the_bell_counts_and_reading_empties_it(self, client, agency):
        for number in range(2):
            notify(account=agency, kind="calls", text=f"News {number}", mail=False)
        page = client.get("/notifications/")
        assert (page.context["unread_count"], "News 1" in page.content.decode()) == (2, True)

        one = Notification.objects.order_by("pk").first()
        client.post("/notifications/read/", {"notification": one.pk})
        assert [n.read_at is None for n in Notification.objects.order_by("pk")] == [False, True]
        client.post("/notifications/read/")
        assert client.get("/notifications/").context["unread_count"] == 0

    def test_older_ones_are_a_page_further(self, client, agency):
        for number in range(26):
            notify(account=agency, kind="calls", text=f"News {number}.", mail=False)

        first = client.get("/notifications/")
        second = client.get(f"/notifications/?before={first.context['before']}")

        assert "News 0." not in first.content.decode()
        assert [n.text for n in second.context["notifications"]] == ["News 0."]

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 5000, "٣"])
    def test_a_spoilt_cursor_is_the_first_page(self, client, before):
        assert client.get(f"/notifications/?before={before}").status_code == 200

    @pytest.mark.usefixtures("sub_account")
    def test_one_accounts_news_is_not_anothers(self, client):
        row = notify(account=make_individual(), kind="calls", text="Private", mail=False)

        assert "Private" not in client.get("/notifications/").content.decode()
        client.post("/notifications/read/", {"notification": row.pk})
        row.refresh_from_db()
        assert row.read_at is None

    def test_the_agency_reads_but_leaves_them_unread(self, client, sub_account):
        row = notify(account=sub_account, kind="calls", text="For the clinic", mail=False)
        go_to(client, sub_account)

        assert "For the clinic" in client.get("/notifications/").content.decode()
        assert client.post("/notifications/read/").status_code == 403
        row.refresh_from_db()
        assert row.read_at is None

    def test_marking_something_that_is_no_id_is_404(self, client):
        assert client.post("/notifications/read/", {"notification": "x"}).status_code == 404
