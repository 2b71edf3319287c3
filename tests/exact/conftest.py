"""A trained model for the tests of exact measures."""

import numpy as np
import pytest
import torch

from tests.exact.training import trained
from vae_core.trainer.trainer import Trainer


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def vae() -> Trainer:
    return trained()


@pytest.fixture(scope="module")
def images(vae) -> np.ndarray:
    return np.array(vae.dataset.test_images[:60])
