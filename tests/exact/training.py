"""Models that are trained for the tests of exact measures."""

import torch

from tests.conftest import small
from vae_core.trainer.trainer import Trainer


def trained(rule: str = "vae", steps: int = 600, **fields) -> Trainer:
    trainer = Trainer(small(rule=rule, **fields), points=297)
    with torch.enable_grad():
        trainer.train(steps)
    return trainer
