"""Is a code about what the image shows? How far it moves when the image is moved a little, against other images."""

import numpy as np
import torch
from scipy.ndimage import rotate

from vae_core.analysis.codes import codes_of
from vae_core.trainer.pixels import PIXELS
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

SHIFTS = (-1, 1), (1, 1), (-1, 2), (1, 2)  # by a pixel, along an axis of (n, 28, 28)
TURNS = -10.0, 10.0  # degrees


def others_passed(trainer: Trainer, turned: bool = False) -> np.ndarray:
    """(k · n,) of 100 other test images, how many have codes nearer to an image's own than the code of the same image
    moved by a pixel, in each direction; or turned by ten degrees, each way. Without noise; 0 if moving it does nothing.
    """
    images = trainer.points.raw[:PROBE].cpu().numpy().reshape(-1, 28, 28)
    codes = encoded(trainer, images)
    apart = np.linalg.norm(codes[:, None] - codes[None], axis=2)
    shares = []
    for moved in turns(images) if turned else shifts(images):
        by = np.linalg.norm(encoded(trainer, moved) - codes, axis=1)
        nearer = (apart < by[:, None]).sum(1) - (by > 0)  # an image is no other
        shares.append(100 * nearer / (len(images) - 1))
    return np.concatenate(shares)


def shifts(images: np.ndarray) -> list[np.ndarray]:
    """Images (n, 28, 28) moved by a pixel; the empty border goes round."""
    return [np.roll(images, by, axis) for by, axis in SHIFTS]


def turns(images: np.ndarray) -> list[np.ndarray]:
    """Images (n, 28, 28) turned about their middle."""
    turned = (rotate(images.astype(np.float32), by, axes=(2, 1), reshape=False, order=1) for by in TURNS)
    return [image.round().clip(0, 255).astype(np.uint8) for image in turned]


def encoded(trainer: Trainer, images: np.ndarray) -> np.ndarray:
    """(n, 2) codes without noise of uint8 images (n, 28, 28) that no training has seen."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).view(-1, PIXELS).to(trainer.device)
    return codes_of(trainer, pixels, torch.full((len(images),), -1))
