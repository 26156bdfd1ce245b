"""Every page, for everybody, by every method, about every account."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.tests.builders import log_in_staff
from tests.faults.test_g_input import FORMS
from tests.faults.test_h_authorization import path, routes
from tests.matrix import table
from tests.matrix.asking import Answer, Asker
from tests.matrix.world import World
from thinkrr_billing.staff.groups import SUPPORT

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

PEOPLE = table.grid(table.PEOPLE)
ELSEWHERE = ("api/", "admin/", "looking/")
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
# What a page refuses of somebody who may: the form was empty, or there is nothing to do.
UNFIT = {400, 409, 422}
STRANGERS = ("rival_sub", "made up")
STALE = "this page is of another account"


@dataclass(frozen=True)
class Case:
    """One request: who asks, how, for what of which account, from a page of which account."""

    who: str
    method: str
    route: str
    about: str
    page_of: str

    def __str__(self) -> str:
        page = f"from a page of {self.page_of}"
        return f"{self.who}: {self.method} /{self.route} of {self.about}, {page}"


class Person:
    """Where somebody stands, by the table."""

    def __init__(self, who: str) -> None:
        row = PEOPLE[who]
        self.grants = {word: table.GRANTS[cell.rstrip("*")] for word, cell in row.items()}
        self.grants["made up"] = set()
        self.who = who
        self.seats = {word for word, cell in row.items() if cell[0] in table.SEATS}
        self.home = next((word for word, cell in row.items() if "*" in cell), "single")
        self.has_account = any(map(len, self.grants.values()))
        self.seen = {word for word, grants in self.grants.items() if grants}

    def asks_about(self) -> list[str]:
        """The own, one of each kind that they see, and what they do not: their agency (or some
        agency), a stranger's, one that is closed, one that is not there."""
        if self.who in table.ALIKE:
            return [self.home, "rival_sub"]
        kinds = {word: grants for word, grants in self.grants.items() if grants}
        alike = [word for word in kinds if word != "sister" or kinds[word] != kinds["sub"]]
        others = ("agency", "rival_sub", "closed", "made up") if self.has_account else STRANGERS
        return list(dict.fromkeys([*alike, *others]))

    def works_in(self, chosen: str) -> str:
        return chosen if "see" in self.grants[chosen] else self.home


def cases(who: str) -> Iterator[Case]:
    person = Person(who)
    for route, methods in table.PAGES.items():
        for method in table.METHODS:
            if table.needs(methods, method) is None or method in ("HEAD", "OPTIONS"):
                # Refused before anybody looks who asks, or as a GET: for a few of them.
                if who in table.BY_EVERY_METHOD:
                    yield Case(who, method, route, about=person.home, page_of=person.home)
                continue
            for about in person.asks_about():
                reads = method == "GET" and "<" not in route
                # The own page, as it is shown whatever else was chosen: seen once.
                if about in person.seen or not reads or about == "rival_sub":
                    yield Case(who, method, route, about, page_of=about)
                if about != person.home and person.has_account and "<" in route:
                    yield Case(who, method, route, about, page_of=person.home)


def expected(case: Case) -> int | str:
    """By the table alone: the status of a refusal, or "done"."""
    asked = table.needs(table.PAGES[case.route], case.method)
    person, writes = Person(case.who), case.method in WRITING
    if case.who == "looking" and writes and case.route not in table.LOOKING_MAY:
        return 403
    if case.who == "looking" and "theirs" in (asked or ()):
        return 403
    if "anyone" in (asked or next(iter(table.PAGES[case.route].values())).split()):
        return "secret" if asked and "secret" in asked else "done" if asked else 405
    if case.who in table.SIGNED_OUT:
        return "login"
    if not person.has_account:
        no_account = 405 if "alone" in str(table.PAGES[case.route]) else 403
        return "done" if "alone" in (asked or ()) else no_account
    works_in = person.works_in(case.page_of)
    if writes and works_in != case.page_of and case.route not in table.PERSONAL:
        return 409
    return first_refusal(asked, person, works_in, case.about) if asked else 405


def first_refusal(asked: list[str], person: Person, works_in: str, about: str) -> int | str:
    below = {"agency": {"sub", "sister", "closed_sub"}, "rival": {"rival_sub"}}
    has = {
        **{grant: (grant in person.grants[works_in], 403) for grant in table.GRANTS["m"]},
        "agency": (works_in in below, 404),
        "client": (any(works_in in subs for subs in below.values()), 404),
        "below": (about in below.get(works_in, ()), 404),
        "allocate": ("allocate" in person.grants[about], 403),
        "own": (works_in == about, 404),
        "card": (works_in == about, 302),
        "visible": (about in person.seen, 404),
        "seat": (works_in in person.seats, 403),
        "person": (True, 0),
        "alone": (True, 0),
        "theirs": (True, 0),
    }
    return next((has[one][1] for one in asked if not has[one][0]), "done")


class Session:
    """Somebody's clients, one for each account they chose to work in."""

    def __init__(self, world: World, who: str, asker: Asker) -> None:
        self._world, self._who, self._asker = world, who, asker
        self._clients: dict[str, Client] = {}

    def working_in(self, word: str) -> Client:
        if word not in self._clients:
            self._clients[word] = self._new(word)
            self._asker.forget()
        return self._clients[word]

    def _new(self, word: str) -> Client:
        client, user = Client(raise_request_exception=False), self._world.people[self._who]
        if self._who == "looking":
            log_in_staff(client, self._world.people[SUPPORT])
            assert client.post("/looking/acquire/", {"user_pk": user.pk}).status_code == 302
        elif user is not None:
            client.force_login(user)
        if user is not None:
            session = client.session
            session["account"] = str(self._world.account_id(word))
            session.save()
        return client


def sent(world: World, case: Case) -> dict[str, object]:
    """As our pages send it: with the account they are of, and a form that fits."""
    if case.method not in WRITING:
        return {}
    named = {"headers": {"X-Page-Account": str(world.account_id(case.page_of))}}
    if case.method != "POST":
        return named
    form = filled(world, case) or {"account": str(world.account_id(case.about)), "role": "member"}
    return {"data": form, **named}


def filled(world: World, case: Case) -> dict[str, str] | None:
    """A form that is done when nothing forbids it."""
    address = "/" + case.route.replace("<uuid:account_id>", "{sub}")
    if address not in FORMS or case.page_of not in world.tenants:
        return None
    values = world.values_of(case.page_of)
    return {name: values.get(text, text) for name, text in FORMS[address][0].items()}


def wrong(case: Case, answer: Answer, wanted: int | str) -> str:
    """What of the answer is not as it was promised; empty when all is."""
    got = "login" if answer.to_login else answer.status
    if wanted == "done":
        fits = answer.status < 400 or (case.method in WRITING and answer.status in UNFIT)
        fits = fits and not answer.to_login and STALE not in answer.text
    elif wanted == "secret":
        fits = answer.status in (400, 404)
    else:
        fits = got == wanted
    if not fits:
        return f"{case} was answered with {got}, and the table says {wanted}"
    if answer.wrote and not (wanted == "done" and case.method in WRITING):
        return f"{case} was answered with {got}, and wrote in {answer.wrote}"
    return ""


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_answers_everybody_as_the_table_says(who, world):
    asker, seen = Asker(), Person(who).seen
    session = Session(world, who, asker)
    found = []
    for case in cases(who):
        client = session.working_in(case.page_of)
        address = path(case.route, world.ids(case.about))
        answer = asker.ask(client, case.method, address, **sent(world, case))
        found.append(wrong(case, answer, expected(case)))
        read = world.read_of_others(answer.text + answer.location, seen=seen, sent=address)
        found.append(f"{case} told {read}" if read else "")
        # Throttles of one request are not another's.
        cache.clear()

    assert "\n".join(filter(None, found)) == ""


def test_every_page_is_in_the_table():
    there = {route for route in routes() if not route.startswith(ELSEWHERE)}

    assert sorted(f"/{one} is in no line of the table" for one in there - set(table.PAGES)) == []
    assert sorted(f"/{one} of the table is no page" for one in set(table.PAGES) - there) == []
