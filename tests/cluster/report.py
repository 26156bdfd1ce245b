"""The trials as people read them."""

from typing import Any

HEAD = (
    "| done to it | taken again | refused | longest request | longest 503 | missed beats "
    "| calls, recharges | events, told within | load |"
)


def line(one: dict[str, Any]) -> str:
    """Of one trial, as soon as it is over."""
    said = "".join(f"\n    BROKEN: {text}" for text in one["broken"][:20])
    return (
        f"{one['name']}: again after {_seconds(one['again'])}, refused {_refused(one)}, longest "
        f"{one['longest']:.1f} s, steady {one['steady_after']:.1f} s after it was mended{said}"
    )


def table(played: list[dict[str, Any]]) -> str:
    rows = [HEAD, "|" + " --- |" * HEAD.count(" | ") + " --- |"]
    for one in played:
        rows.append(
            f"| {one['text']} | {_seconds(one['again'])} | {_refused(one)} "
            f"| {one['longest']:.1f} s | {_longest_503(one)} | {one['missed_beats']} "
            f"| {one['calls']}, {one['recharges']} | {one['events']}, {one['told_within']:.1f} s "
            f"| {one['load_average']:.1f} |"
        )
    rows += [f"BROKEN {one['name']}: {text}" for one in played for text in one["broken"]]
    return "\n".join(rows)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _longest_503(one: dict[str, Any]) -> str:
    if "503" not in one["refused"]:
        return ""
    charge = one["longest_503"]["recharge"]
    others = max(seconds for kind, seconds in one["longest_503"].items() if kind != "recharge")
    return f"{others:.1f} s" + (f"; of a recharge {charge:.1f} s" if charge > others else "")


def _refused(one: dict[str, Any]) -> str:
    told = [
        f"{many} without an answer" if status == "0" else f"{many} x {status}"
        for status, many in one["refused"].items()
    ]
    return ", ".join(told) or "nobody"
