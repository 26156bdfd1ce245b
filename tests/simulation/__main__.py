"""`python -m tests.simulation --seeds 20000 --from 1 --processes 2`: exit 1 when a seed fails."""

import argparse
import multiprocessing
import os
import sys
import time

from tests.simulation.process import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--liveness", action="store_true", help="what is due happens in time")
    asked = parser.parse_args()
    started = time.monotonic()
    parts = [
        range(asked.first + i, asked.first + asked.seeds, asked.processes)
        for i in range(asked.processes)
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(asked.processes) as pool:
        jobs = [
            pool.apply_async(play, (part, number, asked.liveness))
            for number, part in enumerate(parts)
        ]
        failed = sorted(seed for job in jobs for seed in job.get())
    print(f"{asked.seeds} seeds in {time.monotonic() - started:.0f} s")
    if failed:
        print(f"FAILED seeds: {' '.join(map(str, failed))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
