"""The result as Markdown that can be pasted into an issue: no key, and no
ids but of what was left there."""

from thinkrr_billing.sandbox.stripe_check.comparing import Difference
from thinkrr_billing.sandbox.stripe_check.playing import Played

# A row names the first steps that show it, and counts the others.
_STEPS_NAMED = 2

NOT_CHECKED = (
    "the pages where a person acts: the hosted page that saves a card, and the bank's page after "
    "`next_action` (what happens once the bank was answered);",
    "what Stripe does by itself later: a slow refund that ends, a dispute that is won or lost, "
    "payouts, cards that are replaced automatically;",
    "how events are delivered and signed (`manage.py check_stripe` looks at the endpoint), and "
    "what a restricted key may;",
    "limits of speed (429), locks (409), outages (5xx), and answers that are repeated after a day;",
    "the wording of messages, fees, and whatever differs by nature: ids, moments, addresses, "
    "fingerprints;",
    "live mode: real banks decline with codes that no test card has.",
)


def report(
    *, found: list[Difference], played: Played, base: str, version: str, sdk: str, of: int
) -> str:
    lines = [
        f"**stripe-check**: {base}, API version `{version}`, stripe-python {sdk}, "
        f"{len(played.records)} of {of} steps.",
        "",
        *_result(found, played),
        "",
        "Not checked:",
        *(f"- {one}" for one in NOT_CHECKED),
    ]
    if played.left_behind:
        lines += ["", f"Could not be deleted there: {', '.join(played.left_behind)}."]
    return "\n".join(lines)


def _result(found: list[Difference], played: Played) -> list[str]:
    ended = (
        [f"It stopped answering: nothing was asked after *{played.ended_at}*.", ""]
        if played.ended_at
        else []
    )
    if not found:
        same = "No difference in what was asked." if ended else "No difference from the sandbox."
        return [*ended, same]
    return [
        *ended,
        f"{len(found)} {'difference' if len(found) == 1 else 'differences'} from the sandbox:",
        "",
        "| where | sandbox | target | steps |",
        "|---|---|---|---|",
        *(_row(one) for one in found),
    ]


def _row(one: Difference) -> str:
    return f"| {_cell(one.place)} | {_cell(one.ours)} | {_cell(one.theirs)} | {_steps(one)} |"


def _steps(one: Difference) -> str:
    named = ", ".join(one.steps[:_STEPS_NAMED])
    more = len(one.steps) - _STEPS_NAMED
    return _plain(f"{named}, and {more} more" if more > 0 else named)


def _cell(text: str) -> str:
    """As code: what another server sent stays text, whatever it holds."""
    return f"`{_plain(text)}`"


def _plain(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|").replace("\n", " ")
