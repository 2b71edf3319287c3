"""What lockstep costs: four runs side by side against the same four one after the other, and pictures a second.

``python -m tests.benchmarks.compare``. Medians of several rounds on this machine, now; the ratio is the figure
that a busy machine changes least. Nothing here is a test.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from tests.browser.server import app_server, chromium
from tests.conftest import wait_until
from vae_core.engine.engine import Engine
from vae_core.engine.lockstep import POINTS, Lockstep, advance
from vae_core.run.contrasts import contrast

WARM = 32  # steps before the clock starts


def reseeded(name: str, turn: int, **fields: object) -> list[dict]:
    """A contrast's recipes with seeds that the engine has not seen: what it has trained, it only shows again."""
    return [{**recipe, "seed": recipe.get("seed", 0) + 1000 * turn} for recipe in contrast(name).recipes(**fields)]


def one_after_the_other(engine: Engine, recipes: list[dict], steps: int) -> float:
    """Seconds to train each for some steps, without a picture on the way."""
    total = 0.0
    for recipe in recipes:
        run = engine.open(recipe, points=POINTS // len(recipes))
        run.portion = steps
        advance([run], WARM)
        began = time.perf_counter()
        advance([run], WARM + steps)
        total += time.perf_counter() - began
        engine.close(run)
    return total


def side_by_side(engine: Engine, recipes: list[dict], steps: int) -> tuple[float, float]:
    """Seconds to train all of them in lockstep, and pictures a second."""
    lockstep = Lockstep(engine, [(recipe, ()) for recipe in recipes])
    lockstep.watch(lambda what: None)
    lockstep.play()
    wait_until(lambda: lockstep.front >= 4 * WARM, 600)  # past the first steps, which are shown one by one
    shown = []
    lockstep.watch(lambda what: shown.append(lockstep.front) if what == "frame" else None)
    began, first = time.perf_counter(), lockstep.front
    wait_until(lambda: lockstep.front >= first + steps, 600)
    took, trained = time.perf_counter() - began, lockstep.front - first
    lockstep.end()
    return took * steps / trained, len(shown) / took


def on_screen(name: str, seconds: float, **fields: object) -> tuple[float, float]:
    """Pictures and steps a second in Chromium."""
    with app_server() as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(f"{address}/compare?{urlencode({'contrast': name, **fields}, doseq=True)}")
        page.wait_for_function(f"window.noiseLab?.step >= {4 * WARM}", timeout=600_000)
        before = page.evaluate("[noiseLab.frames, noiseLab.step]")
        page.wait_for_timeout(1000 * seconds)
        after = page.evaluate("[noiseLab.frames, noiseLab.step]")
    return (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contrast", default="batch,horse")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10.0, help="on the screen")
    parser.add_argument("--quick", action="store_true", help="one round of small runs: only to see that it works")
    options = parser.parse_args()
    fields: dict[str, object] = {}
    if options.quick:
        options.contrast, options.rounds, options.steps, options.seconds = "noise", 1, 20, 0.5
        fields = {"dataset": "digits", "hidden": (32,)}
    print("| contrast | one after the other, s | side by side, s | ratio | pictures/s | on screen/s | steps/s |")
    print("|---|---|---|---|---|---|---|")
    for name in options.contrast.split(","):
        with TemporaryDirectory() as folder, Engine(folder=Path(folder)) as engine:
            alone, rows = [], []
            for turn in range(options.rounds):
                alone.append(one_after_the_other(engine, reseeded(name, 2 * turn, **fields), options.steps))
                rows.append(side_by_side(engine, reseeded(name, 2 * turn + 1, **fields), options.steps))
        ratio = statistics.median(took / one for one, (took, _) in zip(alone, rows, strict=True))
        took, rate = (statistics.median(values) for values in zip(*rows, strict=True))
        shown, steps = on_screen(name, options.seconds, **fields)
        print(
            f"| {name} | {statistics.median(alone):.1f} | {took:.1f} | {ratio:.2f} "
            f"| {rate:.1f} | {shown:.1f} | {steps:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
