"""Trained runs for the claims: each recipe is trained once, however many claims ask about it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch

from vae_core import exact
from vae_core.analysis.holes import hole_share
from vae_core.analysis.label_accuracy import label_accuracy
from vae_core.exact.priors import yardsticks
from vae_core.run.frame import Frame
from vae_core.run.recipe import Recipe
from vae_core.teaching.claims.ledger import Finding, find
from vae_core.trainer.pixels import PIXELS, grey
from vae_core.trainer.random_streams import normal
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

T = TypeVar("T")


class Measured:
    """A trained run with measures that are computed when asked for, once. All nats are means over test images.

    Args:
        images: test images that exact measures are means of.
    """

    def __init__(self, trainer: Trainer, images: int) -> None:
        self.trainer = trainer
        probe = trainer.points.raw[:PROBE]
        self._raw = probe[torch.linspace(0, len(probe) - 1, min(images, len(probe))).long()]

    @cached_property
    def frame(self) -> Frame:
        """The run as it is."""
        return self.trainer.frame()

    def metric(self, name: str) -> float:
        """A metric of the frame, over the probe set."""
        return self._defined(self.frame.metrics[name], name)

    def _defined(self, value: T | None, name: str) -> T:
        if value is None:
            raise ValueError(f"{name} is not defined for {self.frame.rule}")
        return value

    @cached_property
    def _on_test_set(self) -> dict[str, float | None]:
        images = torch.from_numpy(np.array(self.trainer.dataset.test_images)).view(-1, PIXELS)
        return self.trainer.measure(grey(images), normal(len(images), self.trainer.device, 0, "claims/eps"))

    def of_test_set(self, name: str) -> float:
        """A metric over the whole test set, one draw of ε for each image."""
        return self._defined(self._on_test_set[name], name)

    @cached_property
    def _marginals(self) -> dict[str, float]:
        priors = yardsticks(self.trainer)
        values = exact.log_marginals(self.trainer, self._raw, list(priors.values()))
        return {name: float(nats.mean()) for name, nats in zip(priors, values, strict=True)}

    def log_marginal(self, prior: str = "standard") -> float:
        """Mean exact log p(x) under "standard", "gaussian" (fitted), "mixture" (fitted) or the "rule"'s prior."""
        return self._marginals.get(prior, self._marginals["standard"])  # the rule's own may be N(0, I)

    @cached_property
    def _gap(self) -> exact.Gap:
        return exact.gap(self.trainer, self._raw)

    def gap(self, part: str) -> float:
        """Mean of a field of `exact.Gap`: total, approximation, amortization, elbo or log_marginal."""
        return float(self._defined(getattr(self._gap, part), part).mean())

    @cached_property
    def aggregate(self) -> exact.Aggregate:
        """Of 10,000 test images."""
        images = np.array(self.trainer.dataset.test_images[:10_000])
        return self._defined(exact.aggregate(self.trainer, images), "the aggregate posterior")

    @cached_property
    def holes(self) -> float:
        """Share of the prior's mass in holes of the codes."""
        return hole_share(self.trainer)

    @cached_property
    def accuracy(self) -> float:
        """Share of test images whose nearest training codes name their class."""
        return label_accuracy(self.trainer, cap=10_000)

    @property
    def sigma(self) -> np.ndarray:
        """(n, 2) standard deviations of the posterior."""
        return self._defined(self.frame.scale, "σ")

    @property
    def code_deviation(self) -> float:
        """Standard deviation of the codes without noise, root mean square of both axes."""
        return float(np.sqrt(self.frame.mean.var(0).mean()))


class Bench:
    """Trains what claims ask for.

    Args:
        seeds: 0, 1, … up to this.
        epochs: passes over the training images, where a claim does not say how many.
        dataset, images: test data and how many images exact measures are means of.
        shortened: factor on all trainings, for the tests.
    """

    def __init__(
        self, seeds: int = 3, epochs: float = 5.0, dataset: str = "mnist", images: int = 300, shortened: float = 1.0,
        device: str = "auto",
    ) -> None:  # fmt: skip
        self.seeds, self.epochs, self.dataset, self.images = range(seeds), epochs, dataset, images
        self._shortened, self._device = shortened, device
        self._runs: dict[str, list[Measured]] = {}

    def runs(
        self,
        rule: str,
        knobs: dict[str, Any] | None = None,
        steps: int | None = None,
        then: dict[str, Any] | None = None,
        **fields: Any,
    ) -> list[Measured]:
        """One trained run for each seed.

        Args:
            steps: instead of the epochs.
            then: a switch (rule, noise, knobs) half way.
            fields: of the recipe.
        """
        recipes = [Recipe(rule=rule, knobs=knobs or {}, seed=s, dataset=self.dataset, **fields) for s in self.seeds]
        key = repr((recipes[:1], steps, then))
        if key not in self._runs:
            self._runs[key] = [self._train(recipe, steps, then) for recipe in recipes]
        return self._runs[key]

    def _train(self, recipe: Recipe, steps: int | None, then: dict[str, Any] | None) -> Measured:
        trainer = Trainer(recipe, self._device)
        whole = Recipe(dataset=self.dataset)  # an epoch of all images, however few this run has
        per_epoch = 60_000 // whole.batch_size
        steps = max(2, round(self._shortened * (steps or self.epochs * per_epoch)))
        with torch.enable_grad():
            if then is None:
                trainer.train(steps)
            else:
                trainer.train(steps // 2)
                trainer.switch(**then)
                trainer.train(steps - steps // 2)
        return Measured(trainer, self.images)


def compare(
    measure: Callable[[Measured], float], holds: Callable[..., bool], unit: str, **runs: Sequence[Measured]
) -> Finding:
    """A finding of one measure of several runs, each of all seeds: `holds` gets one value of each, see `find`."""
    return find(holds, unit, **{name: [measure(run) for run in several] for name, several in runs.items()})
