"""`python -m tests.simulation --seeds 20000 --from 1 --processes 2`: exit 1 when a seed fails."""

import argparse
import multiprocessing
import os
import sys
import time
from functools import partial

from tests.simulation.process import SHARE, play, prepare

TOLD_EVERY = 500


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--liveness", action="store_true", help="what is due happens in time")
    asked = parser.parse_args()
    started = time.monotonic()
    seeds = range(asked.first, asked.first + asked.seeds)
    shares = [seeds[start : start + SHARE] for start in range(0, len(seeds), SHARE)]
    context = multiprocessing.get_context("spawn")
    failed: list[int] = []
    with context.Pool(asked.processes, prepare, (context.Value("i", 0),)) as pool:
        # In their order: whatever stops this, all seeds before the last line told were played.
        for done, found in enumerate(pool.imap(partial(play, liveness=asked.liveness), shares), 1):
            failed += found
            if done * SHARE % TOLD_EVERY == 0:
                print(f"up to seed {shares[done - 1][-1]}: {len(failed)} failed", flush=True)
    print(f"{asked.seeds} seeds in {time.monotonic() - started:.0f} s")
    if failed:
        print(f"FAILED seeds: {' '.join(map(str, failed))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
