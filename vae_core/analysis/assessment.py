"""All measures of trained runs, side by side: the table of the rules after equal training."""

from collections.abc import Iterable
from statistics import mean, stdev

import numpy as np

from vae_core import exact
from vae_core.analysis.holes import hole_share
from vae_core.analysis.label_accuracy import label_accuracy
from vae_core.exact.priors import yardsticks
from vae_core.trainer.trainer import Trainer

# Name -> (title, unit, figures after the point). "Share" is printed as a percentage.
COLUMNS = {
    "reconstruction_at_mean": ("reconstruction at the mean", "nats", 1),
    "kl": ("KL", "nats", 2),
    "elbo": ("ELBO", "nats", 1),
    "log_marginal": ("log p(x), N(0, I)", "nats", 1),
    "log_marginal_rule": ("log p(x), rule's prior", "nats", 1),
    "log_marginal_gaussian": ("log p(x), N(m, S)", "nats", 1),
    "log_marginal_mixture": ("log p(x), mixture", "nats", 1),
    "gap": ("gap", "nats", 2),
    "approximation": ("approximation", "nats", 2),
    "amortization": ("amortization", "nats", 2),
    "aggregate_kl": ("KL(q(z)‖p(z))", "nats", 2),
    "mutual_information": ("I(x; z)", "nats", 2),
    "holes": ("holes", "share", 2),
    "accuracy": ("kNN accuracy", "share", 2),
}


def assess(trainer: Trainer, images: int = 1000) -> dict[str, float | None]:
    """Every measure of one run, see `COLUMNS`; None where the rule does not define it.

    Args:
        images: test images, evenly spaced, of which the nats are means. The aggregate posterior is that of
            10,000 test images, holes and kNN accuracy are those of all training and test images.
    """
    raw = np.array(trainer.dataset.test_images)
    few = raw[np.linspace(0, len(raw) - 1, min(images, len(raw))).astype(int)]
    pixels, eps = trainer.as_pixels(few)[0], trainer.points.eps[:1].new_zeros(len(few), 2)
    values = {"reconstruction_at_mean": trainer.measure(pixels, eps)["reconstruction_at_mean"]}
    priors = yardsticks(trainer)
    for name, nats in zip(priors, exact.log_marginals(trainer, few, list(priors.values())), strict=True):
        values["log_marginal" if name == "standard" else f"log_marginal_{name}"] = float(nats.mean())
    found = exact.gap(trainer, few)
    together = exact.aggregate(trainer, raw[:10_000])
    if found.total is not None and together is not None:
        parts = {"elbo": found.elbo, "gap": found.total}
        parts |= {"approximation": found.approximation, "amortization": found.amortization}
        values |= {name: float(nats.mean()) for name, nats in parts.items() if nats is not None}
        values |= {
            "kl": together.kl,
            "aggregate_kl": float(together.aggregate_kl),
            "mutual_information": float(together.mutual_information),
        }
    values |= {"holes": hole_share(trainer), "accuracy": label_accuracy(trainer)}
    return {name: values.get(name) for name in COLUMNS}


def as_markdown(rows: dict[str, Iterable[dict[str, float | None]]]) -> str:
    """A table: one line for each name, mean ± standard deviation over its runs; a dash where not defined."""
    runs = {name: list(several) for name, several in rows.items()}
    shown = [c for c in COLUMNS if any(run[c] is not None for several in runs.values() for run in several)]
    lines = ["| rule | " + " | ".join(COLUMNS[c][0] for c in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for name, several in runs.items():
        cells = [cell([run[c] for run in several], COLUMNS[c][2]) for c in shown]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(values: list[float | None], figures: int) -> str:
    """ "−146.5 ± 0.2" of the values of several seeds."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "—"
    spread = f" ± {stdev(known):.{figures}f}" if len(known) > 1 else ""
    centre = round(mean(known), figures) + 0.0  # no "−0.00"
    return f"{centre:.{figures}f}{spread}".replace("-", "−")
