"""How long exact measures take: ``python -m tests.benchmarks.exact``.

Prints medians of several rounds for a trained VAE and a plain autoencoder, on as many threads as there are cores.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from vae_core import Recipe, Trainer, exact
from vae_core.analysis.views.exact import COARSE, microscope
from vae_core.analysis.views.live import COARSE_TOLERANCE, live_exact
from vae_core.exact.marginal import integral_of


def median_ms(work: Callable[[], object], rounds: int) -> float:
    work()
    times = []
    for _ in range(rounds):
        clock = time.perf_counter()
        work()
        times.append(time.perf_counter() - clock)
    return 1000 * statistics.median(times)


def measure(rule: str, options: argparse.Namespace) -> None:
    """Print a line for each measure of a trained run."""
    trainer = Trainer(Recipe(rule=rule, **options.fields))
    trainer.train(round(options.epochs * trainer.training_set.steps_per_epoch))
    raw = np.array(trainer.dataset.test_images[: options.images])
    prior = [exact.rule_prior(trainer)]
    found = exact.log_marginal(trainer, raw)
    few = raw[: len(raw) // 5]
    fine = integral_of(trainer, few, prior, coarse=384, tolerance=1e-4).log_value[0].cpu().numpy()
    off = np.abs(np.asarray(found[: len(few)]) - fine)
    thousand = median_ms(lambda: exact.log_marginal(trainer, raw), options.rounds)
    one = statistics.median(
        median_ms(lambda i=i: integral_of(trainer, raw[i : i + 1], prior, coarse=COARSE, tolerance=COARSE_TOLERANCE), 2)
        for i in range(min(40, len(few)))
    )
    rows = {
        f"log p(x) of {len(raw):,} images": f"{thousand:.0f} ms, stated error {found.error:.4f}, "
        f"against a mesh four times as fine {off.mean():.5f} nats on average, {off.max():.3f} at most "
        f"({len(few)} images)",
        "log p(x) of one image, coarse": f"{one:.1f} ms",
        "microscope, coarse": f"{median_ms(lambda: microscope(trainer, coarse=True), options.rounds):.0f} ms",
        "microscope, fine": f"{median_ms(lambda: microscope(trainer), options.rounds):.0f} ms",
        "live panel, one part": f"{median_ms(lambda: live_exact(trainer), options.rounds):.0f} ms",
        f"gap and its parts of {len(few)} images": f"{median_ms(lambda: exact.gap(trainer, few), 2):.0f} ms",
    }
    for name, value in rows.items():
        print(f"{rule:<12} {name:<34} {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=20.0)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="few images, hardly trained: only to see that it works")
    options = parser.parse_args()
    rules, options.fields = ("vae", "autoencoder"), {}
    if options.quick:
        options.rounds, options.epochs, options.images, rules = 1, 0.2, 5, ("vae",)
        options.fields = {"dataset": "digits", "hidden": (16,), "batch_size": 64}
    torch.set_num_threads(1 if options.quick else os.cpu_count() or 1)
    for rule in rules:
        measure(rule, options)


if __name__ == "__main__":
    main()
