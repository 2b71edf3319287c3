"""A trained run for the tests of the trainer."""

import pytest

from tests.conftest import small
from vae_core.trainer.trainer import Trainer


@pytest.fixture(scope="module")
def trained() -> Trainer:
    trainer = Trainer(small(), points=200)
    trainer.train(300)
    return trainer
