"""Many runs at once, and workers that die: ``python -m tests.benchmarks.crowd``.

Fifty users press play at the same moment on two workers: when does each see a trained frame? And a worker is killed
while a run plays: when does the run go on, and with equal bits?
"""

import argparse
import itertools
import os
import signal
import statistics
import tempfile
import threading
import time
from pathlib import Path

from vae_core.engine.engine import Engine
from vae_core.run.recipe import Recipe
from vae_core.trainer.replay import replay

SEEDS = itertools.count(1)


def rush(engine: Engine, users: int, distinct: int, fields: dict) -> list[float]:
    """Seconds until each user's first trained frame."""
    seeds = [next(SEEDS) for _ in range(distinct)]
    took: dict[int, float] = {}
    runs = []

    def press_play(user: int) -> None:
        began, seen = time.monotonic(), threading.Event()
        run = engine.open({**fields, "seed": seeds[user % distinct]}, owner=f"user {user}")
        leave = run.watch(lambda what: seen.set() if run.header["step"] else None)
        run.play()
        seen.wait(120)
        took[user] = time.monotonic() - began
        runs.append((run, leave))

    threads = [threading.Thread(target=press_play, args=(user,)) for user in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run, leave in runs:
        leave()
        engine.close(run)
    return sorted(took.values())


def kills(lanes: int, times: int, fields: dict) -> tuple[list[float], bool]:
    """Seconds from a worker's death to the run's next frame, and whether it ended in the bits of an undisturbed one."""
    with Engine(lanes, folder=Path(tempfile.mkdtemp())) as engine:
        run = engine.open({**fields, "seed": next(SEEDS)})
        run.watch(lambda what: None)
        run.play()
        took = []
        for _ in range(times):
            goal = run.header["step"] + 100
            while run.header["step"] < goal:
                time.sleep(0.01)
            step, began = run.header["step"], time.monotonic()
            os.kill(engine.pool.pids()[run.training.lane], signal.SIGKILL)
            while run.header["step"] <= step:
                time.sleep(0.002)
            took.append(time.monotonic() - began)
        run.pause()
        while not run.resting:
            time.sleep(0.01)
        recipe = Recipe(**run.record.recipe.model_dump())
        return took, replay(recipe, run.record.events, run.header["step"]).frame().packed() == run.newest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three users of small runs: only to see that it works")
    options, fields, counts = parser.parse_args(), {}, (1, 2)
    if options.quick:
        options.users, options.rounds, counts = 3, 1, (1,)
        fields = {"dataset": "digits", "hidden": (32,), "batch_size": 64}
    with Engine(2, folder=Path(tempfile.mkdtemp())) as engine:
        rush(engine, 2, 2, fields)
        for distinct in (options.users, min(options.users, 8), 1):
            rounds = [rush(engine, options.users, distinct, fields) for _ in range(options.rounds)]
            middle, late = (statistics.median(r[int(p * (len(r) - 1))] for r in rounds) for p in (0.5, 0.95))
            print(
                f"{options.users} users on 2 workers, {distinct} distinct recipes: first trained frame after "
                f"{middle:.2f} s (median), {late:.2f} s (95th percentile); medians of {options.rounds} rounds"
            )
    for lanes in counts:
        took, equal = kills(lanes, options.rounds, fields)
        print(
            f"worker killed, {lanes} worker(s): next frame after {statistics.median(took):.2f} s (median), "
            f"{max(took):.2f} s (longest of {len(took)}); bits equal: {equal}"
        )


if __name__ == "__main__":
    main()
