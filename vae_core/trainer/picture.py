"""Picture: the frame of a run as it is now. Reconstructions, codes and metrics of the images that are shown."""

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from vae_core.rule import LATENT, Batch, Latent, Rule
from vae_core.run.frame import Frame
from vae_core.run.recipe import Recipe
from vae_core.trainer.batches import TrainingSet
from vae_core.trainer.likelihood import Pixelwise
from vae_core.trainer.networks import Decoder, Encoder, Ensemble
from vae_core.trainer.pixels import as_bytes
from vae_core.trainer.shown_images import PRIOR_SAMPLES, PROBE, REPEATS, Points


class Diverged(RuntimeError):
    """The loss is no longer a number. The trainer stays where it was; earlier frames are sound."""


class Sitter(Protocol):
    """What a picture is taken of: a `Trainer`."""

    recipe: Recipe
    device: torch.device
    training_set: TrainingSet
    points: Points
    chosen: int
    step_count: int
    rule_name: str
    noise: float
    knobs: Any
    rule: Rule
    encoder: Encoder | Ensemble
    decoder: Decoder
    nats: Pixelwise

    @property
    def product(self) -> torch.dtype: ...  # noqa: D102
    def at_rest(self, exact: bool = True) -> None: ...  # noqa: D102
    def latent(self, heads: dict[str, Tensor], eps: Tensor, batch: Batch) -> Latent: ...  # noqa: D102
    def losses(self, heads: dict[str, Tensor], eps: Tensor, batch: Batch) -> dict[str, float | None]: ...  # noqa: D102


@torch.no_grad()
def picture(of: Sitter) -> Frame:
    """The run as it is now.

    Raises:
        Diverged: a metric is no longer finite.
    """
    points, device = of.points, of.device
    strip = (*points.strip, of.chosen)
    heads = heads_of_points(of, strip)
    latent = of.latent(heads, points.eps, points.batch())
    metrics = metrics_of(of, heads)
    chosen = torch.tensor(strip, device=device).repeat_interleave(REPEATS)
    repeats = of.latent(
        {name: head[chosen] for name, head in heads.items()},
        points.repeat_eps.repeat(len(strip), 1),
        points.batch(chosen),
    ).z.view(len(strip), REPEATS, LATENT)
    spread = of.decoder(repeats[-1]).sigmoid().std(0, correction=0)
    index = list(strip)
    prior_z = of.rule.from_prior(points.prior_z, of.knobs)
    painted = torch.cat([latent.mean[index], latent.z[index], prior_z])
    at_mean, at_draw, prior = as_bytes(of.decoder(painted)).split([len(strip), len(strip), PRIOR_SAMPLES])
    return Frame(
        step=of.step_count,
        epoch=round(of.step_count / of.training_set.steps_per_epoch, 4),
        rule=of.rule_name,
        noise=of.noise,
        knobs=of.knobs.model_dump(),
        metrics=metrics,
        strip=strip,
        activation=of.recipe.activation,
        mean=latent.mean.cpu().numpy(),
        z=latent.z.cpu().numpy(),
        scale=None if latent.scale is None else latent.scale.cpu().numpy(),
        correlation=None if latent.correlation is None else latent.correlation.cpu().numpy(),
        facts={name: value.flatten().tolist() for name, value in of.rule.facts().items()},
        labels=points.labels,
        strip_at_mean=at_mean.cpu().numpy(),
        strip_at_draw=at_draw.cpu().numpy(),
        repeats=repeats.cpu().numpy(),
        uncertainty=(510 * spread).round().to(torch.uint8).view(28, 28).cpu().numpy(),
        prior_z=prior_z.cpu().numpy(),
        prior=prior.cpu().numpy(),
        decoder=tuple(w.to(torch.float16).cpu().numpy() for w in of.decoder.weights()),
    )


def heads_of_points(of: Sitter, strip: tuple[int, ...]) -> dict[str, Tensor]:
    """The encoder's outputs of all points. What is measured or painted is computed exactly, and the networks are
    left so; the other dots are as good in bfloat16 where that is faster."""
    points = of.points
    of.at_rest(exact=False)
    heads = of.encoder(points.pixels(of.product))
    of.at_rest()
    if of.product == torch.bfloat16:
        exact = torch.tensor([*range(min(PROBE, len(points.labels))), *strip], device=of.device)
        for name, head in of.encoder(points.images[exact]).items():
            heads[name][exact] = head
    return heads


def metrics_of(of: Sitter, heads: dict[str, Tensor]) -> dict[str, float | None]:
    """Metrics of the probe set, whose heads are the first, and of training images; see `Frame`.

    Raises:
        Diverged: one is no longer finite.
    """
    points = of.points
    metrics = of.losses({n: h[:PROBE] for n, h in heads.items()}, points.eps[:PROBE], points.batch(slice(PROBE)))
    seen = of.training_set.sample()
    of_seen = of.latent(of.encoder(seen.images), seen.draws, seen)
    metrics["reconstruction_seen"] = of.nats(of.decoder(of_seen.z), seen.images).mean().item()
    if not all(math.isfinite(value) for value in metrics.values() if value is not None):
        raise Diverged(
            f"The loss is no longer a number at step {of.step_count:,}. "
            f"The learning rate {of.recipe.learning_rate:g} may be too high: start again with a lower one."
        )
    return metrics
