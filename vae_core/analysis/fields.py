"""What a decoder does at each place of the plane: how fast its image changes, and which class it shows."""

from dataclasses import dataclass

import numpy as np
import torch

from vae_core.analysis.classifier import classifier_of
from vae_core.rule import LATENT
from vae_core.trainer.pixels import PIXELS
from vae_core.trainer.trainer import Trainer

CHUNK = 2048  # places that are decoded at once
ROUNDING = 1e-5  # images that differ by less are equal in single precision


@dataclass(frozen=True, eq=False)
class LineChange:
    """The decoded image along a straight line. Images are compared by the Euclidean norm over their
    784 pixels in [0, 1].

    Attributes:
        places: (steps + 1, 2) float32, evenly spaced from start to end.
        images: (steps + 1, 28, 28) float32 probabilities.
        at: (steps,) the middle of each step, as the distance from the start in the plane.
        rate: (steps,) change of the image over the step, per unit of the plane.
        length: of the image's path, the sum of all changes; chord: the change from start to end at once.
        ratio: length / chord, 1 for a fade and larger for a detour; None where both ends
            show the same image.
    """

    places: np.ndarray
    images: np.ndarray
    at: np.ndarray
    rate: np.ndarray
    length: float
    chord: float
    ratio: float | None


def jacobian_norm(trainer: Trainer, places: np.ndarray) -> np.ndarray:
    """(n,) float32 Frobenius norm of the Jacobian ∂x/∂z (784, 2) at places (n, 2): how far the image of
    ink probabilities moves, in all directions of the plane together.

    Exact, by forward-mode differentiation, one direction at a time.
    """

    def square(z: torch.Tensor) -> torch.Tensor:
        directions = torch.eye(LATENT).unsqueeze(1).expand(LATENT, len(z), LATENT)
        return sum(torch.func.jvp(trainer.decode, (z,), (d,))[1].square().sum((1, 2)) for d in directions)

    z = torch.as_tensor(places, dtype=torch.float32)
    return torch.cat([square(part) for part in z.split(CHUNK)]).sqrt().numpy()


def change_along(trainer: Trainer, start: np.ndarray, end: np.ndarray, steps: int = 100) -> LineChange:
    """Decode a straight line of the plane, from start (2,) to end (2,).

    Raises:
        ValueError: the line has no length.
    """
    start, end = (np.asarray(place, dtype=np.float64) for place in (start, end))
    distance = float(np.linalg.norm(end - start))
    if not distance:
        raise ValueError("The line starts and ends at the same place. Choose two points with different codes.")
    places = start + np.linspace(0, 1, steps + 1)[:, None] * (end - start)
    images = trainer.decode(places).numpy()
    flat = images.reshape(-1, PIXELS).astype(np.float64)
    changes = np.linalg.norm(np.diff(flat, axis=0), axis=1)
    length, chord = float(changes.sum()), float(np.linalg.norm(flat[-1] - flat[0]))
    return LineChange(
        places=places.astype(np.float32),
        images=images,
        at=distance * (np.arange(steps) + 0.5) / steps,
        rate=changes * steps / distance,
        length=length,
        chord=chord,
        ratio=length / chord if chord > ROUNDING else None,
    )


def which_class(trainer: Trainer, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most probable class of what is decoded at places (n, 2), by a classifier trained on the run's
    data set: (n,) int64 indices of `Dataset.classes`, and (n,) float32 probabilities."""
    classifier = classifier_of(trainer.dataset.name)
    z = torch.as_tensor(places, dtype=torch.float32)
    parts = [classifier.class_probabilities(trainer.decode(part)) for part in z.split(CHUNK)]
    probabilities = np.concatenate(parts)
    return probabilities.argmax(1), probabilities.max(1)
