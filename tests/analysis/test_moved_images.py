"""How far a code moves with its image: counted by hand, and nothing where nothing moves."""

import numpy as np
import torch

from tests.conftest import small
from vae_core.analysis import moved_images
from vae_core.analysis.moved_images import others_passed, shifts, turns
from vae_core.trainer.trainer import Trainer


def test_others_are_counted_one_by_one():
    trainer = Trainer(small(rule="autoencoder"), points=40)
    with torch.enable_grad():
        trainer.train(50)
    images = trainer.points.raw[:40].numpy().reshape(-1, 28, 28)
    zero = np.zeros((40, 2), np.float32)
    codes = trainer.encode(images, zero).mean.numpy().astype(float)
    counted = []
    for moved in shifts(images):
        there = trainer.encode(moved, zero).mean.numpy().astype(float)
        for i in range(40):
            by = np.linalg.norm(there[i] - codes[i])
            counted.append(sum(np.linalg.norm(codes[j] - codes[i]) < by for j in range(40) if j != i) * 100 / 39)
    assert np.allclose(others_passed(trainer), counted) and 0 < np.mean(counted) < 100


def test_what_does_not_move_passes_nobody(monkeypatch):
    trainer = Trainer(small(rule="autoencoder"), points=20)
    monkeypatch.setattr(moved_images, "shifts", lambda images: [images])
    assert (others_passed(trainer) == 0).all()


def test_images_are_shifted_and_turned():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 13:15, 4:10] = 200
    assert {tuple(np.argwhere(moved[0]).mean(0)) for moved in shifts(image)} == {
        (12.5, 6.5), (14.5, 6.5), (13.5, 5.5), (13.5, 7.5)
    }  # fmt: skip
    there, back = (np.argwhere(moved[0] > 50).mean(0) for moved in turns(image))
    assert abs(there[0] - back[0]) > 1.5 and abs((there[0] + back[0]) / 2 - 13.5) < 0.3, (
        "left of the middle, up and down"
    )
    assert all(moved.dtype == np.uint8 for moved in turns(image))
