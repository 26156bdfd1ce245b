"""Plays trials: a steady cluster, load, the fault, mended again, and what is judged of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import evidence, judge, network, plan, report
from tests.cluster.beats import Beats
from tests.cluster.cluster import Cluster
from tests.cluster.trials import TRIALS, Trial
from tests.cluster.waiting import wait_until

DATA = plan.ROOT / ".data/cluster"
BEFORE = 3
AFTER = 2


def play(names: list[str]) -> int:
    """The trials of these names, all without any; returns how the process is to end."""
    if unknown := set(names) - {one.name for one in TRIALS}:
        print(f"no such trial: {', '.join(sorted(unknown))}. There are:")
        print("\n".join(one.name for one in TRIALS))
        return 2
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    shutil.rmtree(DATA, ignore_errors=True)
    (DATA / "logs").mkdir(parents=True)
    began = time.monotonic()
    cluster = Cluster(DATA / "logs")
    cluster.bring_up()
    world = plan.RUN / "world.json"
    world.write_text(cluster.python(sys.executable, "-m", "tests.cluster.world"))
    print(f"the cluster stands after {time.monotonic() - began:.0f} s", flush=True)
    beats, played = Beats(), []
    for one in TRIALS:
        if names and one.name not in names:
            continue
        try:
            wait_until(cluster.is_steady, f"the cluster is not steady before {one.name}")
        except TimeoutError as error:
            print(error)
            break
        played.append(_played(cluster, one, world))
        _keep(played, beats)
    else:
        beats.wait_for_one_more()
        _keep(played, beats)
        print(report.table(played))
        return int(any(one["broken"] for one in played))
    return 1


def _keep(played: list[dict], beats: Beats) -> None:
    """What is known until now; a beat that is missing may be known only later."""
    for one in played:
        one["missed_beats"] = judge.missed_beats(beats.begun, one["fault_at"], one["mended_at"])
        too_many = "more than one beat is missing"
        one["broken"] = [text for text in one["broken"] if text != too_many]
        if one["missed_beats"] > 1:
            one["broken"].append(too_many)
    (DATA / "report.json").write_text(json.dumps(played, indent=1))


def _played(cluster: Cluster, trial: Trial, world: Path) -> dict:
    clocks = trial.clocks(cluster)
    for host, seconds in clocks.items():
        cluster.hosts.set_clock(host, seconds)
    if clocks:
        wait_until(
            cluster.is_steady, f"the cluster is not steady with its clocks before {trial.name}"
        )
    name = f"{trial.name}-{datetime.now(UTC):%H%M%S}"
    lines = DATA / f"{trial.name}.jsonl"
    before = evidence.before()
    with lines.open("w") as told:
        command = [sys.executable, "-m", "tests.cluster.load", str(world), name]
        load = subprocess.Popen(network.on("client", *command), stdout=told, cwd=plan.ROOT)
    problems: list[str] = []
    time.sleep(BEFORE)
    fault_at = time.time()
    try:
        trial.fault(cluster)
    except (RuntimeError, TimeoutError) as error:
        problems.append(str(error))
    time.sleep(trial.hold)
    cluster.hosts.repair()
    mended_at = time.time()
    try:
        wait_until(cluster.is_steady, "all is as before")
    except TimeoutError as error:
        problems.append(str(error))
    steady_after = time.time() - mended_at
    time.sleep(AFTER)
    load.send_signal(signal.SIGTERM)
    load.wait()
    facts = evidence.gathered(
        cluster, name=name, lines=lines, world=world, before=before, fault_at=fault_at
    )
    for host in clocks:
        cluster.hosts.set_clock(host, 0)
    found = {
        "name": trial.name,
        "text": trial.text,
        "fault_at": fault_at,
        "mended_at": mended_at,
        "steady_after": steady_after,
        "load_average": os.getloadavg()[0],
        **judge.figures(facts),
        "broken": problems + judge.broken(facts, trial.bounds),
    }
    print(report.line(found), flush=True)
    return found
