"""The same request with the same Idempotency-Key is done once, and answered once more."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from django.db import connections

from accounts import clock
from accounts.models import Account, ApiKey, KeptAnswer
from accounts.people import archiving
from accounts.runtime import kept_answers
from accounts.runtime.kept_answers import Asked, Given
from accounts.tests.builders import make_agency, make_key, make_sub_account
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URL = "/api/v1/sub-accounts"
NEW = {"name": "Northside Dental", "owner_email": "owner@northside.example"}


@pytest.fixture
def agency():
    return make_agency()


@pytest.fixture
def client(agency):
    return client_of(agency)


def send(client, body=NEW, *, key="one", url=URL, method="post"):
    return getattr(client, method)(url, body, headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_first_answer_with_its_status_and_nothing_is_done(client, agency):
    first = send(client)
    Account.objects.filter(agency=agency).update(name="Changed since")

    second = send(client)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")
    assert Account.objects.filter(agency=agency).count() == 1


def test_the_same_facts_are_the_same_body_however_they_are_written(client):
    first = send(client)

    second = send(client, dict(reversed(NEW.items())))

    assert second.json() == first.json()


@pytest.mark.parametrize(
    "other", [{"body": NEW | {"name": "Another"}}, {"url": f"{URL}?account={{agency}}"}]
)
def test_a_key_that_was_used_for_another_request_is_422_and_nothing_is_done(client, agency, other):
    send(client)
    other = dict(other)
    if "url" in other:
        other["url"] = other["url"].format(agency=agency.pk)

    error = refusal(send(client, **other), 422)

    assert error["code"] == "idempotency_key_reused"
    assert Account.objects.filter(agency=agency).count() == 1


def test_another_path_or_method_is_another_request(client, agency):
    sub = make_sub_account(agency=agency)
    send(client, {"name": "One"}, url=f"{URL}/{sub.pk}", method="put")

    error = refusal(
        send(client, {"archived": True}, url=f"{URL}/{sub.pk}/archive", method="put"), 422
    )

    assert error["code"] == "idempotency_key_reused"
    assert Account.objects.get(pk=sub.pk).archived_at is None


def test_keys_are_an_api_keys_own_and_an_accounts_own(agency):
    first, second = client_of(agency), client_of(agency)
    one, two = (make_sub_account(name, agency=agency) for name in ("A", "B"))

    answers = [
        send(client, {"name": name}, url=f"{URL}/{sub.pk}", method="put").json()["name"]
        for client, sub, name in ((first, one, "F1"), (first, two, "F2"), (second, one, "S1"))
    ]

    assert answers == ["F1", "F2", "S1"]
    assert KeptAnswer.objects.count() == 3


def test_what_was_refused_is_not_kept_and_may_be_sent_again(client):
    refusal(send(client, NEW | {"owner_email": "nobody"}), 400)

    assert not KeptAnswer.objects.exists()
    assert send(client).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "schlüssel", "a\tb"])
def test_a_key_we_do_not_take_is_refused_and_nothing_is_done(client, agency, key):
    error = refusal(send(client, key=key.encode("utf-8").decode("latin-1")), 400)

    assert list(error["fields"]) == ["Idempotency-Key"]
    assert not Account.objects.filter(agency=agency).exists()


def test_without_a_key_everything_is_done_as_before(client, agency):
    client.post(URL, NEW)
    client.post(URL, NEW)

    assert Account.objects.filter(agency=agency).count() == 2
    assert not KeptAnswer.objects.exists()


def test_a_crash_before_the_end_leaves_neither_effect_nor_answer(client, agency, monkeypatch):
    def die(**_):
        raise RuntimeError("killed")

    monkeypatch.setattr(KeptAnswer.objects, "create", die)
    with pytest.raises(RuntimeError):
        send(client)
    monkeypatch.undo()

    assert not Account.objects.filter(agency=agency).exists()
    assert send(client).status_code == 201
    assert Account.objects.filter(agency=agency).count() == 1


def test_a_process_that_dies_between_its_steps_keeps_the_key_for_two_minutes(client, agency):
    sub = make_sub_account(agency=agency)
    url, body = f"{URL}/{sub.pk}/archive", {"archived": True}
    send(client, body, url=url, method="put")
    # As it stands when the deed is done and the answer is not kept yet.
    KeptAnswer.objects.update(status=KeptAnswer.BEGUN, body="")
    now = clock.now()

    with clock.at(now + timedelta(seconds=119)):
        assert refusal(send(client, body, url=url, method="put"), 409)["code"] == (
            "idempotency_key_in_use"
        )
    with clock.at(now + timedelta(seconds=130)):
        again = send(client, body, url=url, method="put")
        repeat = send(client, body, url=url, method="put")

    assert (again.status_code, "Idempotency-Replayed" in again) == (200, False)
    assert (repeat.json(), repeat["Idempotency-Replayed"]) == (again.json(), "true")
    assert KeptAnswer.objects.count() == 1


def test_what_fails_between_its_steps_gives_the_key_back(client, agency, monkeypatch):
    sub = make_sub_account(agency=agency)
    url, body = f"{URL}/{sub.pk}/archive", {"archived": True}

    def die(**_):
        raise RuntimeError("killed")

    monkeypatch.setattr(archiving, "archive", die)
    with pytest.raises(RuntimeError):
        send(client, body, url=url, method="put")
    monkeypatch.undo()

    assert not KeptAnswer.objects.exists()
    assert send(client, body, url=url, method="put").status_code == 200


def test_a_key_that_is_given_back_while_it_is_looked_at_may_be_sent_again(
    client, agency, monkeypatch
):
    sub = make_sub_account(agency=agency)
    url, body = f"{URL}/{sub.pk}/archive", {"archived": True}
    # The first one began before, and is refused, so that its row is gone, right after.
    monkeypatch.setattr(kept_answers, "begin", lambda _: None)

    error = refusal(send(client, body, url=url, method="put"), 409)

    assert error["code"] == "idempotency_key_in_use"
    monkeypatch.undo()
    assert send(client, body, url=url, method="put").status_code == 200


def test_whoever_comes_late_leaves_the_answer_of_another_request_with_its_key(agency):
    def asked(fingerprint):
        return Asked(make_key(agency)[0].pk, agency.pk, "one", fingerprint)

    first, now = asked("A"), clock.now()
    second = replace(first, fingerprint="B")

    def late():
        with clock.at(now + timedelta(seconds=130)):
            kept_answers.once_in_steps(second, lambda: Given(200, '"B"'))
        return Given(200, '"A"')

    kept_answers.once_in_steps(first, late)

    again = kept_answers.once_in_steps(second, lambda: Given(200, '"never"'))
    assert again == Given(200, '"B"', is_repeat=True)


def test_a_key_with_which_another_request_began_meanwhile_is_in_use(agency):
    asked = Asked(make_key(agency)[0].pk, agency.pk, "one", "A")

    def do():
        assert kept_answers.begin(replace(asked, fingerprint="B"))
        make_sub_account(agency=agency)
        return Given(201, "null")

    with pytest.raises(kept_answers.InProgress):
        kept_answers.once(asked, do)

    assert not Account.objects.filter(agency=agency).exists()


def test_a_batch_with_a_key_is_answered_as_the_first_time(client, agency):
    make_wallet(account=agency, credit="10")
    call = {"id": "c-1", "account": str(agency.pk), "minute_type": "basic", "seconds": 60}
    body = {"calls": [call | {"ended_at": clock.now().isoformat()}, {"id": 5}]}

    first, second = (send(client, body, url="/api/v1/calls") for _ in range(2))

    assert [one["status"] for one in first.json()["results"]] == ["charged", "rejected"]
    assert second.json() == first.json()
    assert refusal(send(client, {"calls": []}, url="/api/v1/calls"), 422)


def test_answers_are_kept_for_two_days_and_then_forgotten(client):
    send(client)

    with clock.at(clock.now() + timedelta(hours=47)):
        assert kept_answers.forget_old() == 0
    with clock.at(clock.now() + timedelta(hours=49)):
        assert kept_answers.forget_old() == 1
    assert not KeptAnswer.objects.exists()


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("route", "body"),
    [("", {"name": "Second name"}), ("/archive", {"archived": True})],
    ids=["in one transaction", "in steps"],
)
def test_two_at_once_are_one_deed_and_one_is_told_to_wait(agency, monkeypatch, route, body):
    sub = make_sub_account(agency=agency)
    token = make_key(agency)[1]
    url, at_work, go = f"{URL}/{sub.pk}{route}", Event(), Event()
    name = "archive" if route else "rename"
    do = getattr(archiving, name)

    def slowly(**facts):
        at_work.set()
        assert go.wait(20)
        return do(**facts)

    monkeypatch.setattr(archiving, name, slowly)

    def first():
        try:
            return put(token, url, body)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        task = pool.submit(first)
        assert at_work.wait(20)
        meanwhile = put(token, url, body)
        go.set()
        done = task.result(20)
    afterwards = put(token, url, body)

    assert refusal(meanwhile, 409)["code"] == "idempotency_key_in_use"
    assert meanwhile["Retry-After"] == "1"
    assert (done.status_code, afterwards.json()) == (200, done.json())
    assert ApiKey.objects.filter(account=agency).count() == KeptAnswer.objects.count() == 1


def put(token, url, body):
    client = client_of(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return send(client, body, url=url, method="put")
