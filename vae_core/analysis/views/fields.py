"""What the plane looks like as a field: how steep the decoder is, which class it paints, where the prior
finds no codes."""

from typing import Any

import numpy as np
import torch

from vae_core.analysis.classifier import classifier_of
from vae_core.analysis.codes import drawn_codes, spread
from vae_core.analysis.fields import change_along, jacobian_norm, which_class
from vae_core.analysis.holes import N01, SCARCE, find_holes, hole_share, in_holes
from vae_core.analysis.label_accuracy import NEIGHBOURS, label_accuracy
from vae_core.exact.priors import rule_prior
from vae_core.rule import LATENT
from vae_core.trainer.random_streams import normal
from vae_core.trainer.trainer import Trainer

EDGE, NODES, MOST_NODES = 4.0, 81, 401
CODES = 600  # that are drawn over a field
STEPS, PAINTED = 200, 11  # of a line: differences, and images that are shown
SAMPLES = 200  # of the prior


def smoothness_field(trainer: Trainer, edge: float = EDGE, nodes: int = NODES) -> dict[str, Any]:
    """How fast the decoded image changes at each place of the square [-edge, edge]².

    Returns:
        step; edge; x, y: (nodes,) float64; norm: (nodes, nodes) float32 Frobenius norm of the decoder's
        Jacobian, row i at y[i]; codes: (n, 2) float32 of test images, without noise; labels: (n,) uint8;
        at_codes: mean norm at those codes.

    Raises:
        ValueError: the square or its lattice cannot be.
    """
    x, places = lattice(edge, nodes)
    codes, labels = codes_of(trainer)
    norms = jacobian_norm(trainer, np.concatenate([places, codes]))
    return {
        "step": trainer.step_count,
        "edge": edge,
        "x": x,
        "y": x,
        "norm": norms[: len(places)].reshape(nodes, nodes),
        "codes": codes,
        "labels": labels,
        "at_codes": float(norms[len(places) :].mean(dtype=np.float64)),
    }


def class_field(trainer: Trainer, edge: float = EDGE, nodes: int = NODES) -> dict[str, Any]:
    """Which class is painted at each place of the square [-edge, edge]², as a small classifier sees it.

    The first call for a data set trains the classifier, some two seconds.

    Returns:
        step; edge; x, y: (nodes,) float64; class: (nodes, nodes) int64, row i at y[i], an index of classes;
        probability: (nodes, nodes) float32 of that class; classes: their names; accuracy: of the classifier
        on test images; codes: (n, 2) float32 of test images, without noise; labels: (n,) uint8.

    Raises:
        ValueError: the square or its lattice cannot be.
    """
    x, places = lattice(edge, nodes)
    codes, labels = codes_of(trainer)
    found, probability = which_class(trainer, places)
    return {
        "step": trainer.step_count,
        "edge": edge,
        "x": x,
        "y": x,
        "class": found.reshape(nodes, nodes),
        "probability": probability.reshape(nodes, nodes),
        "classes": list(trainer.dataset.classes),
        "accuracy": classifier_of(trainer.dataset.name).accuracy,
        "codes": codes,
        "labels": labels,
    }


def line_change(trainer: Trainer, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    """How the image changes on the straight line between the codes of two points.

    Args:
        start, end: points; the first and the last of the strip if left out.

    Returns:
        step; start, end: the points; labels: theirs; places: (201, 2) float32; at: (200,) distance from the
        start in the plane, of the middle of each step; rate: (200,) change of the image per unit of the
        plane; length, chord, ratio: see `vae_core.analysis.fields.LineChange`, ratio may be None; images: (11, 28,
        28) uint8 along the line, images_at: (11,) their distance from the start.

    Raises:
        ValueError: there is no such point, or both have the same code.
    """
    strip = trainer.points.strip
    ends = [strip[0] if start is None else start, strip[-1] if end is None else end]
    count = len(trainer.points.labels)
    for point in ends:
        if isinstance(point, bool) or not isinstance(point, int) or not 0 <= point < count:
            raise ValueError(f"There is no point {point!r}; the points are 0 to {count - 1}.")
    codes, labels = codes_of(trainer, ends)
    line = change_along(trainer, codes[0], codes[1], steps=STEPS)
    shown = np.linspace(0, STEPS, PAINTED).round().astype(int)
    return {
        "step": trainer.step_count,
        "start": ends[0],
        "end": ends[1],
        "labels": labels,
        "places": line.places,
        "at": line.at,
        "rate": line.rate,
        "length": line.length,
        "chord": line.chord,
        "ratio": line.ratio,
        "images": (255 * line.images[shown]).round().astype(np.uint8),
        "images_at": np.linalg.norm(line.places[shown] - line.places[0], axis=1),
    }


def holes(trainer: Trainer) -> dict[str, Any]:
    """Where the run's prior finds next to no codes, and what its samples there look like.

    Returns:
        step; standard: whether the prior is N(0, I), else it is the flow's; x, y: (nodes,) float64;
        codes_density, prior_density: (nodes, nodes) float32, row i at y[i]; hole: (nodes, nodes) bool;
        share: of the prior's mass in holes; draws: number of codes that the density is estimated from;
        ratio: in a hole codes are rarer than this times the prior; samples: (200, 2) float32 of the prior;
        images: (200, 28, 28) uint8 decoded; in_hole: (200,) bool; codes: (n, 2) float32 of training
        images with the rule's noise.
    """
    codes, prior = drawn_codes(trainer), rule_prior(trainer)
    found = find_holes(codes, prior)
    with torch.no_grad():
        made = trainer.rule.from_prior(normal(SAMPLES, trainer.device, 0, "holes/samples"), trainer.knobs)
    samples = made.cpu().numpy()
    return {
        "step": trainer.step_count,
        "standard": prior.name == N01.name,
        "x": found.x,
        "y": found.y,
        "codes_density": found.codes_density.astype(np.float32),
        "prior_density": found.prior_density.astype(np.float32),
        "hole": found.mask,
        "share": found.share,
        "draws": len(codes),
        "ratio": SCARCE,
        "samples": samples,
        "images": (255 * trainer.decode(samples)).round().to(torch.uint8).numpy(),
        "in_hole": in_holes(samples, codes, prior),
        "codes": codes[spread(len(codes), CODES)].astype(np.float32),
    }


def code_quality(trainer: Trainer, cap: int = 60_000) -> dict[str, Any]:
    """Two numbers for a run's codes.

    Args:
        cap: training images and test images for the label accuracy, at most.

    Returns:
        step; k: neighbours that vote; label_accuracy: share of test images whose label the k nearest
        training codes name; hole_share: share of the prior's mass where there are next to no codes.
    """
    return {
        "step": trainer.step_count,
        "k": NEIGHBOURS,
        "label_accuracy": label_accuracy(trainer, cap=cap),
        "hole_share": hole_share(trainer),
    }


def lattice(edge: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """(nodes,) coordinates and (nodes², 2) places of the square [-edge, edge]², x running first.

    Raises:
        ValueError: in one sentence, if it cannot be.
    """
    if not 0 < edge <= 1000:
        raise ValueError(f"The edge of the plane should be above 0 and at most 1000; it was {edge!r}.")
    if not 2 <= nodes <= MOST_NODES:
        raise ValueError(f"The lattice should have 2 to {MOST_NODES} nodes each way; it was {nodes!r}.")
    x = np.linspace(-edge, edge, nodes)
    return x, np.stack(np.meshgrid(x, x), -1).reshape(-1, LATENT)


@torch.no_grad()
def codes_of(trainer: Trainer, rows: list[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) float32 codes without noise of some points, or of up to 600 that stand for all; their labels."""
    chosen = spread(len(trainer.points.labels), CODES) if rows is None else np.array(rows)
    trainer.at_rest()
    batch = trainer.points.batch(torch.from_numpy(chosen).to(trainer.device))
    latent = trainer.latent(trainer.encoder(batch.images), 0 * batch.draws, batch)
    return latent.mean.cpu().numpy(), trainer.points.labels[chosen]
