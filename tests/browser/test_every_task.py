"""Every task of the guide as everybody who may do it, on a phone, a tablet and at a desk, in both
themes; with the keyboard alone; and for those who may not, that there is no way and why."""

from pathlib import Path

import pytest
from django.conf import settings

from tests.browser.hands import Keyboard, Mouse
from tests.browser.people import DESK, PHONE
from tests.browser.scenes import ROLES, Scene
from tests.browser.tasks import TASKS

TABLET = 820
LOOKS = [(width, scheme) for width in (PHONE, TABLET, DESK) for scheme in ("light", "dark")]
# An admin may do what an owner may, and sees the same pages.
ADMIN_LOOKS = [(PHONE, "dark"), (DESK, "light")]
MAY = [
    (name, role, *look)
    for name, task in TASKS.items()
    for role in task.who
    for look in (ADMIN_LOOKS if role.endswith("admin") else LOOKS)
]
MAY_NOT = [(name, role) for name, task in TASKS.items() for role in ROLES if role not in task.who]


@pytest.fixture
def begin(enter, stripe):
    """Somebody of this role, about to begin the task."""

    def at_the_task(name: str, role: str, **look):
        scene = Scene.of(stripe, role)
        TASKS[name].prepare(scene)
        person = enter(scene.user, **look)
        if "in its" in role:
            person.visit("/accounts/switch/")
            person.page.click(f"main button:has-text('{scene.account.name}')")
            person.page.wait_for_selector("h1:has-text('Payments')")
        return person, scene

    return at_the_task


@pytest.mark.parametrize(("name", "role", "width", "scheme"), MAY)
def test_a_task_is_done_by_whoever_may_at_every_width_in_both_themes(
    begin, name, role, width, scheme
):
    person, scene = begin(name, role, width=width, scheme=scheme)

    TASKS[name].steps(Mouse(person))

    assert TASKS[name].became(scene)
    assert person.overflow() == 0


@pytest.mark.parametrize("colours", ["none", "active"])
@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_done_by_keyboard_alone_the_focus_in_sight_also_in_forced_colours(
    begin, name, colours
):
    person, scene = begin(name, TASKS[name].who[0])
    person.page.emulate_media(forced_colors=colours)
    hand = Keyboard(person)

    TASKS[name].steps(hand)
    person.page.emulate_media(forced_colors="none")

    assert TASKS[name].became(scene)
    assert sorted(set(hand.wrong)) == []


@pytest.mark.parametrize(("name", "role"), MAY_NOT)
def test_who_may_not_do_a_task_finds_no_way_and_is_told_why(begin, name, role):
    task = TASKS[name]
    person, scene = begin(name, role)

    person.visit(task.path)
    told = person.text("main")
    person.visit("/payments/")

    assert any(words in told for words in task.told)
    assert person.count(task.ways) == 0
    assert scene.paid() == []


def test_each_task_names_its_sentences_and_the_table_of_the_guide_has_them():
    table = Path(settings.BASE_DIR, "docs", "guide-coverage.md").read_text()
    _, _, listed = " ".join(table.split()).partition("## Tasks in browsers")
    for name, task in TASKS.items():
        assert [one for one in task.sentences if f"| {one} |" not in table] == []
        assert f"- **{name}**: {' '.join(f'“{one}”' for one in task.sentences)}" in listed
