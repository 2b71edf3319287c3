"""Trained runs for the claims: each recipe is trained once, however many claims ask about it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch

from vae_core import exact
from vae_core.analysis.fields import jacobian_norm
from vae_core.analysis.holes import hole_share
from vae_core.analysis.label_accuracy import label_accuracy
from vae_core.exact.priors import yardsticks
from vae_core.rule import Batch
from vae_core.run.frame import Frame
from vae_core.run.recipe import Recipe
from vae_core.teaching.claims.ledger import Finding, find, less
from vae_core.trainer.pixels import PIXELS, grey
from vae_core.trainer.random_streams import normal
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

T = TypeVar("T")
DRAWS = 400  # of ε for each image, where a mean over them is asked
LOOKS = 24  # at a run that is watched while it trains


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
    def median_sigma(self) -> float:
        """Over images and both axes."""
        return float(np.median(self.sigma))

    @property
    def code_deviation(self) -> float:
        """Standard deviation of the codes without noise, root mean square of both axes."""
        return float(np.sqrt(self.frame.mean.var(0).mean()))

    @cached_property
    def slopes(self) -> np.ndarray:
        """(300,) how fast the decoder's image changes at test codes, see `jacobian_norm`."""
        return jacobian_norm(self.trainer, self.frame.mean[:300])

    @property
    def noise_cost(self) -> float:
        """Nats that the draw costs against the mean, of the whole test set."""
        return self.of_test_set("reconstruction") - self.of_test_set("reconstruction_at_mean")

    @cached_property
    @torch.no_grad()
    def noise_costs(self) -> np.ndarray:
        """(500,) the same for each image of the probe set, as the mean over 400 draws."""
        trainer = self.trainer
        trainer.at_rest()
        batch = trainer.points.batch(slice(PROBE))
        heads = trainer.encoder(batch.images)
        eps = normal(DRAWS * len(batch.images), trainer.device, 0, "claims/cost").view(DRAWS, -1, 2)

        def nats(draws: torch.Tensor) -> torch.Tensor:
            z = trainer.latent(heads, draws, Batch(batch.images, batch.rows, draws)).z
            return trainer.nats(trainer.decoder(z), batch.images).double()

        at_mean = nats(torch.zeros_like(eps[0]))
        return (sum(nats(draws) for draws in eps) / DRAWS - at_mean).cpu().numpy()

    @cached_property
    def mean_image_nats(self) -> float:
        """Reconstruction of the probe set by the mean training image, whatever the image."""
        images = self.trainer.points.images[:PROBE]
        logits = torch.logit(self.trainer.training_set.mean_image.to(images.device), eps=1e-4)
        return float(self.trainer.nats(logits.expand(len(images), -1), images).double().mean())


class Bench:
    """Trains what claims ask for.

    Args:
        seeds: runs of each recipe.
        epochs: passes over the training images, where a claim does not say how many.
        dataset, images: test data and how many images exact measures are means of.
        shortened: factor on all trainings, for the tests.
        first: the first seed; the others follow.
    """

    def __init__(
        self, seeds: int = 5, epochs: float = 5.0, dataset: str = "mnist", images: int = 300, shortened: float = 1.0,
        device: str = "auto", first: int = 0,
    ) -> None:  # fmt: skip
        self.seeds, self.epochs, self.dataset, self.images = range(first, first + seeds), epochs, dataset, images
        self._shortened, self._device = shortened, device
        self._runs: dict[str, list[Measured]] = {}
        self._courses: dict[str, list[list[float]]] = {}

    def runs(
        self,
        rule: str,
        knobs: dict[str, Any] | None = None,
        steps: int | None = None,
        then: dict[str, Any] | None = None,
        more: int = 0,
        **fields: Any,
    ) -> list[Measured]:
        """One trained run for each seed.

        Args:
            steps: instead of the epochs.
            then: a switch (rule, noise, knobs) after them, and how many more steps follow.
            fields: of the recipe.
        """
        key = repr((rule, knobs, steps, then, more, fields))
        if key not in self._runs:
            recipes = self.recipes(rule, knobs, **fields)
            self._runs[key] = [self._train(recipe, steps, then, more) for recipe in recipes]
        return self._runs[key]

    def courses(self, rule: str, steps: int, **fields: Any) -> list[list[float]]:
        """The reconstruction of unseen images while a run trains, for each seed; in the beginning more often."""
        key = repr((rule, steps, fields))
        if key not in self._courses:
            self._courses[key] = [self._watch(recipe, steps) for recipe in self.recipes(rule, **fields)]
        return self._courses[key]

    def recipes(self, rule: str, knobs: dict[str, Any] | None = None, **fields: Any) -> list[Recipe]:
        """One for each seed."""
        return [Recipe(rule=rule, knobs=knobs or {}, seed=s, dataset=self.dataset, **fields) for s in self.seeds]

    def trainer(self, recipe: Recipe) -> Trainer:
        """Untrained, on the bench's device."""
        return Trainer(recipe, self._device)

    def scaled(self, steps: int | None) -> int:
        """How many steps are trained where so many are asked for, or the epochs."""
        per_epoch = 60_000 // Recipe(dataset=self.dataset).batch_size  # of all images, however few a run has
        return max(2, round(self._shortened * (steps or self.epochs * per_epoch)))

    def _train(self, recipe: Recipe, steps: int | None, then: dict[str, Any] | None, more: int) -> Measured:
        trainer = self.trainer(recipe)
        with torch.enable_grad():
            trainer.train(self.scaled(steps))
            if then is not None:
                trainer.switch(**then)
                trainer.train(self.scaled(more))
        return Measured(trainer, self.images)

    def _watch(self, recipe: Recipe, steps: int) -> list[float]:
        trainer, course = self.trainer(recipe), []
        for step in sorted({round(s) for s in np.geomspace(2, self.scaled(steps), LOOKS)}):
            with torch.enable_grad():
                trainer.train(step - trainer.step_count)
            course.append(Measured(trainer, self.images).metric("reconstruction"))
        return course


def each(measure: Callable[[Measured], float], *runs: Sequence[Measured]) -> list[list[float]]:
    """One measure of several runs, each of all seeds."""
    return [[measure(run) for run in several] for several in runs]


def compare(
    measure: Callable[[Measured], float],
    unit: str,
    least: float | None = None,
    most: float | None = None,
    /,
    **runs: Sequence[Measured],
) -> Finding:
    """A finding of one measure of two runs: between which bounds the first, less the second, lies."""
    figures = dict(zip(runs, each(measure, *runs.values()), strict=True))
    (first, one), (second, other) = figures.items()
    name = f"{first} less {second}".replace("_", " ")
    return find(unit, [less(name, one, other, least, most)], **figures)
