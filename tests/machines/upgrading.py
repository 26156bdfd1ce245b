"""docs/upgrade.md, with the same code as the next release: what is played is the way there."""

from tests.machines import paying
from tests.machines.document import DEPLOY, UPGRADE, commands
from tests.machines.machine import Machine
from tests.machines.stranger import NEXT, Stranger, carry_code


def upgrade(stranger: Stranger, token: str) -> None:
    """RuntimeError when somebody was refused, or what the document asks for is not so."""
    work, web = stranger.work, stranger.web
    _, release, _ = commands(DEPLOY.read_text(), "Three machines")["work and web"]
    told = commands(UPGRADE.read_text(), "A release, step by step")[""]
    pages, tables, colour, processes, books = told
    known = {"RELEASE": NEXT, "OWNER_URL": stranger.url("owner")}
    with paying.Asking(web, token) as asking:

        def prepare(machine: Machine, *blocks: str) -> None:
            carry_code(machine, NEXT)
            stranger.step(
                f"upgrade, `{machine.name}`: packages and code",
                lambda: machine.type(*blocks, **known),
            )

        prepare(work, release)
        prepare(web, release, pages)
        stranger.step("upgrade, `work`: tables", lambda: work.type(tables, **known))
        stranger.step("upgrade, `web`: green for blue", lambda: web.type(colour, **known))
        stranger.step("upgrade, `work`: worker, beat", lambda: work.type(processes, **known))
    print(f"meanwhile {asking.answered} requests were answered and {len(asking.refused)} not")
    if asking.refused:
        raise RuntimeError(f"an upgrade refuses nobody: {asking.refused[0]}")
    if said := work.type(books):
        raise RuntimeError(f"the books say {said}")
    stranger.step("a recharge by API", lambda: paying.recharge(web, token, "upgraded"))
