"""What the Offset lab shows: codes before and after the offset, and encoders merged into one."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.rule import LATENT, Batch, Latent
from vae_core.rule.image_properties import PROPERTIES, measure
from vae_core.rule.normalisation import EPSILON
from vae_core.rules.offset import Offset
from vae_core.run.widths import parameters, wider
from vae_core.trainer.networks import Encoder, Ensemble
from vae_core.trainer.pixels import grey
from vae_core.trainer.shown_images import spread_by_ink
from vae_core.trainer.trainer import Trainer

POOL = 10_000  # training images among which those that stand for all are chosen


@torch.no_grad()
def offset_codes(trainer: Trainer, count: int = 400) -> dict[str, Any]:
    """Codes before and after the offset, of images that the run trains on ("seen") and others.

    Returns:
        step, knobs, and for "seen" and "unseen" each: before, after (n, 2) float32, labels (n,), rows
        (n,) among the training images or -1, properties (name -> (n,)), nats (n,) of the
        reconstruction, moved: the mean length of an arrow.
    """
    rule_of(trainer)
    sides = {}
    for side, (batch, labels) in {"seen": seen(trainer, count), "unseen": unseen(trainer, count)}.items():
        before, after = without_offset(trainer, batch), latent_of(trainer, batch)
        nats = trainer.nats(trainer.decoder(after.z), batch.images)
        sides[side] = {
            "before": before.z.cpu().numpy(),
            "after": after.z.cpu().numpy(),
            "labels": labels,
            "rows": batch.rows.cpu().numpy(),
            "properties": {name: measure(batch.images, name).cpu().numpy() for name in PROPERTIES},
            "nats": nats.cpu().numpy(),
            "moved": float((after.z - before.z).norm(dim=1).mean()),
        }
    return {"step": trainer.step_count, "knobs": trainer.knobs.model_dump(), **sides}


@torch.no_grad()
def offset_gap(trainer: Trainer, count: int = 1000) -> dict[str, Any]:
    """Reconstruction of images that the run trains on and of others, in nats per image, and the gap.

    The error is the standard error of the difference of the two means, as if the images were drawn
    independently; they are spread by ink, so it is rather less.
    """
    rule_of(trainer)
    nats = [
        trainer.nats(trainer.decoder(latent_of(trainer, batch).z), batch.images).double().cpu()
        for batch, _ in (seen(trainer, count), unseen(trainer, count))
    ]
    of_seen, of_unseen = (float(values.mean()) for values in nats)
    error = sum(float(values.var(correction=0)) / len(values) for values in nats) ** 0.5
    return {
        "step": trainer.step_count, "seen": of_seen, "unseen": of_unseen, "gap": of_unseen - of_seen,
        "error": error, "images": [len(values) for values in nats],
    }  # fmt: skip


@torch.no_grad()
def offset_twice(trainer: Trainer, count: int = 6) -> dict[str, Any]:
    """The same training images encoded twice, with other draws of ε: the offset knows of none.

    Returns:
        images, reconstructions: (n, 28, 28) uint8; first, again: (n, 2) the two codes;
        before: (n, 2); difference: the largest between the two.
    """
    rule_of(trainer)
    batch, labels = seen(trainer, count)
    first = latent_of(trainer, batch, torch.randn(len(batch.rows), LATENT))
    again = latent_of(trainer, batch, torch.randn(len(batch.rows), LATENT))
    painted = (trainer.decoder(first.z).sigmoid() * 255).round().to(torch.uint8)
    return {
        "step": trainer.step_count,
        "images": (batch.images * 255).round().to(torch.uint8).view(-1, 28, 28).cpu().numpy(),
        "reconstructions": painted.view(-1, 28, 28).cpu().numpy(),
        "labels": labels,
        "before": without_offset(trainer, batch).z.cpu().numpy(),
        "first": first.z.cpu().numpy(),
        "again": again.z.cpu().numpy(),
        "difference": float((first.z - again.z).abs().max()),
    }


@torch.no_grad()
def offset_merged(trainer: Trainer, count: int = 400) -> dict[str, Any]:
    """One encoder that equals encoder + a · second encoder, built from both by concatenation.

    Returns:
        widths: of each of the encoders that are summed, and of the merged one; weights: what each
        counts; parameters: of them together, of the merged network, and of those the share that is
        zero by construction; difference: the largest between its output and the sum; wider: widths
        and parameters of one encoder with about as many parameters as are summed; images; blocks:
        (at most 64, at most 64) the largest |weight| of the merged second layer, tile by tile.
    """
    rule = rule_of(trainer)
    knobs = trainer.knobs.model_copy(update={"f": "second_encoder"})
    assert isinstance(rule.second_encoder, Encoder)
    own, second = members(trainer.encoder), members(rule.second_encoder)
    encoders = [*own, *second]
    weights = [1 / len(own)] * len(own) + [knobs.a / len(second)] * len(second)
    shift, scale = torch.zeros(LATENT), torch.ones(LATENT)
    if knobs.normalise:  # the running moments are folded into the weights of the run's own encoder
        moments = rule.normalisation
        scale = (moments.running_variance + EPSILON).rsqrt().cpu()
        shift = -moments.running_mean.cpu() * scale
    scales = [scale] * len(own) + [torch.ones(LATENT)] * len(second)
    trainer.at_rest()
    batch, _ = seen(trainer, count)
    merged = merge(encoders, weights, scales, shift)
    total = trainer.rule({"mean": trainer.encoder(batch.images)["mean"]}, batch.draws, knobs, batch).z
    together = sum(parameters(encoder.widths) for encoder in encoders)
    in_merged = parameters(merged.widths)
    wide = wider(encoders[0].widths, len(encoders))
    return {
        "step": trainer.step_count,
        "images": len(batch.rows),
        "each": [encoder.widths for encoder in encoders],
        "weights": weights,
        "merged": merged.widths,
        "blocks": pooled(merged.layers[1].weight) if len(merged.layers) > 1 else None,
        "wider": wide,
        "parameters": {"together": together, "merged": in_merged, "wider": parameters(wide)},
        "zeros": zeros_by_construction([encoder.widths for encoder in encoders]) / in_merged,
        "difference": float((merged(batch.images)["mean"] - total).abs().max()),
        "largest": float(total.abs().max()),
    }


@torch.no_grad()
def encoder_members(trainer: Trainer, count: int = 60) -> dict[str, Any]:
    """Where each of the run's k encoders puts an image, and their mean.

    Returns:
        each: (k, n, 2); mean: (n, 2) what the rule is given; labels (n,); spread: mean distance of a
        member from the mean.
    """
    trainer.at_rest()
    batch, labels = seen(trainer, count)
    each = torch.stack([member(batch.images)["mean"] for member in members(trainer.encoder)])
    mean = trainer.encoder(batch.images)["mean"]
    return {
        "step": trainer.step_count,
        "each": each.cpu().numpy(),
        "mean": mean.cpu().numpy(),
        "labels": labels,
        "spread": float((each - mean).norm(dim=2).mean()),
    }


# -- images and codes --------------------------------------------------------------------------


def rule_of(trainer: Trainer) -> Offset:
    """The offset rule of a run that uses it.

    Raises:
        ValueError: the run has another rule.
    """
    if not isinstance(trainer.rule, Offset):
        raise ValueError(f"This run's rule is {trainer.rule.title}; switch it to {Offset.title} first.")
    return trainer.rule


def seen(trainer: Trainer, count: int) -> tuple[Batch, np.ndarray]:
    """Training images that stand for all (spread by ink, like the points), with rows and labels."""
    own = trainer.training_set
    pool = spread_rows(len(own.images), POOL)
    rows = pool[spread_by_ink(own.images[torch.from_numpy(pool).to(trainer.device)].cpu().numpy(), count)]
    chosen = torch.from_numpy(rows).to(trainer.device)
    images = grey(own.images[chosen])
    draws = torch.zeros(len(rows), LATENT, device=trainer.device)
    return Batch(images, chosen, draws), np.array(trainer.dataset.train_labels[own.rows[rows]])


def spread_rows(n: int, count: int) -> np.ndarray:
    """Up to ``count`` rows of n, evenly apart."""
    return ((np.arange(min(n, count)) + 0.5) * n / min(n, count)).astype(np.int64)


def unseen(trainer: Trainer, count: int) -> tuple[Batch, np.ndarray]:
    """Test images, the points of the plane, and their labels."""
    rows = spread_rows(len(trainer.points.labels), count)
    return trainer.points.batch(torch.from_numpy(rows).to(trainer.device)), trainer.points.labels[rows]


def latent_of(trainer: Trainer, batch: Batch, eps: Tensor | None = None) -> Latent:
    """Codes of a batch under the present rule."""
    trainer.at_rest()
    return trainer.latent(trainer.encoder(batch.images), batch.draws if eps is None else eps.to(trainer.device), batch)


def without_offset(trainer: Trainer, batch: Batch) -> Latent:
    """The same with a = 0."""
    trainer.at_rest()
    knobs = trainer.knobs.model_copy(update={"a": 0.0})
    made: Latent = trainer.rule(trainer.encoder(batch.images), batch.draws, knobs, batch)
    return made


# -- encoders as one ---------------------------------------------------------------------------


def members(encoder: Encoder | Ensemble) -> Sequence[Encoder]:
    """The encoders that an encoder consists of: itself, or those of which it is the mean."""
    return list(encoder.members) if isinstance(encoder, Ensemble) else [encoder]


def merge(encoders: Sequence[Encoder], weights: Sequence[float], scales: Sequence[Tensor], shift: Tensor) -> Encoder:
    """One encoder whose mean is shift + Σ weight · scale · mean of each: hidden units side by side.

    The first layers are stacked, the further ones are the blocks of a block-diagonal matrix (no unit
    of one hears a unit of the other), and the heads, scaled, stand in a row.
    """
    first = encoders[0]
    merged = Encoder([sum(w) for w in zip(*(encoder.widths for encoder in encoders), strict=True)], "silu", 0, "merged")
    merged.activation = first.activation
    merged.to(first.layers[0].weight.device)
    for depth, layer in enumerate(merged.layers):
        parts = [encoder.layers[depth] for encoder in encoders]
        join = torch.cat if depth == 0 else lambda blocks: torch.block_diag(*blocks)
        layer.weight.copy_(join([part.weight for part in parts]))
        layer.bias.copy_(torch.cat([part.bias for part in parts]))
    heads = [encoder.heads["mean"] for encoder in encoders]
    factors = [
        weight * scale.to(head.weight.device) for weight, scale, head in zip(weights, scales, heads, strict=True)
    ]
    mean = merged.heads["mean"]
    mean.weight.copy_(
        torch.cat([factor.unsqueeze(1) * head.weight for factor, head in zip(factors, heads, strict=True)], 1)
    )
    mean.bias.copy_(
        shift.to(mean.bias.device) + sum(factor * head.bias for factor, head in zip(factors, heads, strict=True))
    )
    return merged


def pooled(weight: Tensor, most: int = 64) -> np.ndarray:
    """The largest absolute value in each tile of a matrix, so that a picture of it stays small."""
    size = [min(most, n) for n in weight.shape]
    return nn.functional.adaptive_max_pool2d(weight.abs().unsqueeze(0), size)[0].cpu().numpy()


def zeros_by_construction(each: Sequence[Sequence[int]]) -> int:
    """Weights of the merged network that are zero: those off the diagonal blocks."""
    pairs = [[(i, o) for i, o in itertools.pairwise(widths)] for widths in each]
    blocks = sum(i * o for layers in pairs for i, o in layers)
    return sum(sum(i for i, _ in layer) * sum(o for _, o in layer) for layer in zip(*pairs, strict=True)) - blocks
