"""Label accuracy: whether neighbours in the plane share a label."""

import numpy as np
import torch

from vae_core.analysis.codes import codes_of, spread, training_codes
from vae_core.trainer.pixels import PIXELS, as_seen
from vae_core.trainer.trainer import Trainer

NEIGHBOURS = 10  # that vote


def label_accuracy(trainer: Trainer, k: int = NEIGHBOURS, cap: int = 60_000) -> float:
    """Share of test images whose label is the most frequent among the k nearest training codes.

    Codes are those without noise; the vote is scikit-learn's `KNeighborsClassifier`.

    Args:
        cap: training images and test images that are used at most, evenly spaced.
    """
    from sklearn.neighbors import KNeighborsClassifier  # its import takes a second

    data, own = trainer.dataset, trainer.training_set
    rows = spread(len(own.images), cap)
    known = training_codes(trainer, rows)
    voters = KNeighborsClassifier(min(k, len(rows)), algorithm="kd_tree").fit(known, data.train_labels[own.rows[rows]])
    test = spread(len(data.test_images), cap)
    images = as_seen(torch.from_numpy(data.test_images[test]).view(-1, PIXELS), trainer.recipe.pixels)
    codes = codes_of(trainer, images.to(trainer.device), torch.full((len(test),), -1))
    # Equal codes are asked once: under a rule that ignores the image they all are.
    different, place = np.unique(codes, axis=0, return_inverse=True)
    return float(np.mean(voters.predict(different)[place] == data.test_labels[test]))
