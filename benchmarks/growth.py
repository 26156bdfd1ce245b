"""Growth: metering and customers' pages at a million wallets, beside an almost empty database.

Calls of all wallets there are, and of only as many as the almost empty database has: what grows is
then the data and not the traffic. Two processes for each (`benchmarks/sides/growth.py`), of which
one is the limit: one SQL statement for the same rows. They take turns in every round.
Prints one table, and writes `.data/bench/growth.json` with every statement's plan.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from django.db import connection

from benchmarks.growth_rows import Size
from benchmarks.reporting import Figures, print_table, write
from benchmarks.running import ask, command, served
from benchmarks.running import run as finish

KEPT = Path(__file__).resolve().parents[1] / ".data" / "bench"
WALLETS, FEW_WALLETS = 1_000_000, 10_000
ROUNDS = 5
# So many large batches are not measured: until most pages were touched since the checkpoint, they
# write whole pages. It is what 10,000 calls a second are done with in the first minute of each.
WARM_UPS = {"empty": 20, "same": 20, "grown": 500}
# How many batches of a size a round has.
TIMES = {1000: 4, 100: 8, 1: 40}
LARGEST = max(TIMES)
PAGE_ROUNDS = 3
# The most a page may take of processors, ours and PostgreSQL's together.
MOST_MS = 60


@contextmanager
def grown(name: str, wallets: int, *, keep: bool = False) -> Iterator[str]:
    """A filled database: the one that is there, or a new one. Dropped unless it is to be kept."""
    finish(command("benchmarks.growth_rows", name, str(wallets)))
    try:
        yield name
    finally:
        if not keep:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def run(*, wallets: int = WALLETS, keep: int = 0) -> None:
    """Measure both in turns. `keep` leaves the databases for another run."""
    sizes = {"empty": FEW_WALLETS, "grown": wallets}
    called = {"empty": ("empty", FEW_WALLETS), "same": ("grown", FEW_WALLETS)}
    called |= {"grown": ("grown", wallets)}
    with ExitStack() as stack:
        sides, limits = {}, {}
        for name, size in sizes.items():
            stack.enter_context(grown(f"bench_{name}", size, keep=bool(keep)))
        for name, (database, many) in called.items():
            parts = (f"bench_{database}", str(sizes[database]), str(many))
            side = command("benchmarks.sides.growth", *parts)
            sides[name] = stack.enter_context(served(side))
            limits[f"limit_{name}"] = stack.enter_context(served([*side, "limit"]))
        with connection.cursor() as cursor:
            # The next one is as far away as the server's settings say.
            cursor.execute("CHECKPOINT")
        figures, pages = Figures(), {name: defaultdict(list) for name in sizes}
        logs = {name: Counter() for name in sides | limits}
        for name, side in sides.items():
            ask(limits[f"limit_{name}"], do="batches", size=1000, times=WARM_UPS["empty"])
            ask(side, do="batches", size=1000, times=WARM_UPS[name])
        for _ in range(ROUNDS):
            for size, times in TIMES.items():
                for name, side in (sides | limits).items():
                    before = ask(side, do="written")
                    measured = ask(side, do="batches", size=size, times=times)
                    figures.add(name, str(size), measured, size)
                    if size == LARGEST:
                        logs[name] += Counter(ask(side, do="written")) - Counter(before)
            for name in pages:
                for page, each in ask(sides[name], do="pages", rounds=PAGE_ROUNDS).items():
                    pages[name][page] += each
        plans = ask(sides["grown"], do="plans")
    labels = {name: f"{size:,} wallets" for name, size in sizes.items()}
    labels["same"] = f"{FEW_WALLETS:,} of {wallets:,} wallets"
    labels |= {f"limit_{name}": f"limit, {label}" for name, label in labels.items()}
    print_table(figures, labels, **{"1": "one call"})
    written = {name: _of_a_batch(log) for name, log in logs.items()}
    for name, one in written.items():
        print(f"{labels[name]}: a batch of {LARGEST:,} writes {one}")
    table = _table(pages)
    _print_pages(table, plans)
    write(
        KEPT / "growth.json",
        figures,
        _ratios(figures, table),
        entries={name: Size(size).entries for name, size in sizes.items()},
        written=written,
        pages=table,
        plans=plans,
    )


def _of_a_batch(log: Counter) -> dict[str, float]:
    """Pages that went to the log whole, kilobytes of log, and which part of the wallets found room
    in their page."""
    batches = ROUNDS * TIMES[LARGEST]
    return {
        "images": round(log["images"] / batches),
        "log_kb": round(log["log"] / batches / 1024),
        "within_their_page": round(log["within"] / log["changed"], 3),
    }


def _ratios(figures: Figures, table: dict[str, dict]) -> dict[str, float]:
    """What is left of an empty database's speed: 1 is all of it."""
    found = {}
    for name, size in (("batch", 1000), ("batch_100", 100), ("single", 1)):
        for side, called in (("grown", ""), ("same", "_same")):
            found[f"growth_{name}{called}"] = figures.speed(side, size) / figures.speed(
                "empty", size
            )
            found[f"growth_{name}{called}_cpu"] = _processors(figures, "empty", size) / (
                _processors(figures, side, size)
            )
            found[f"growth_{name}{called}_limit"] = figures.speed(f"limit_{side}", size) / (
                figures.speed("limit_empty", size)
            )
            found[f"growth_{name}{called}_limit_cpu"] = figures.postgres("limit_empty", size) / (
                figures.postgres(f"limit_{side}", size)
            )
    quiet = [one for name, one in table.items() if name.endswith("quiet")]
    found["growth_pages"] = min(one["empty"]["cpu_ms"] / one["grown"]["cpu_ms"] for one in quiet)
    return {name: round(value, 3) for name, value in found.items()}


def _processors(figures: Figures, side: str, size: int) -> float:
    return figures.python(side, size) + figures.postgres(side, size)


def _table(pages: dict[str, dict[str, list]]) -> dict[str, dict]:
    """Of each page and side, milliseconds: the middle one, and the least of the processors."""
    return {
        page: {
            name: {
                "ms": round(1000 * median(one[0] for one in found[page]), 1),
                "python_ms": round(1000 * min(one[1] for one in found[page]), 1),
                "postgres_ms": round(1000 * min(one[2] for one in found[page]), 1),
                "cpu_ms": round(1000 * min(one[1] + one[2] for one in found[page]), 1),
            }
            for name, found in pages.items()
        }
        for page in pages["grown"]
    }


def _print_pages(table: dict[str, dict], plans: dict[str, list[dict]]) -> None:
    heads = "".join(f"{head:>12}" for head in ("ms", "Python ms", "PostgreSQL"))
    print(f"{'page (almost empty, then grown)':42}{heads} {heads}")
    for page, sides in table.items():
        cells = " ".join(
            "".join(f"{sides[name][key]:12.1f}" for key in ("ms", "python_ms", "postgres_ms"))
            for name in ("empty", "grown")
        )
        over = f"  over {MOST_MS} ms" if sides["grown"]["cpu_ms"] > MOST_MS else ""
        print(f"{page:42}{cells}{over}")
    for page, statements in plans.items():
        for one in statements:
            if one["read_whole"]:
                print(f"{page} reads {', '.join(one['read_whole'])} as a whole: {one['sql'][:120]}")
