"""One run's networks, its optimiser, its steps, and the picture of it at a step.

`Trainer` ties them together: a batch and its ε (`batches`, `random_streams`), encoder and decoder (`networks`), the
likelihood of the pixels, Adam, the frame that is shown (`picture`, of the test images in `shown_images`) and the state
to go on from. `replay` trains a run again from its recipe and events, to the bit.

This room imports `run`, `rules`, `rule` and `data`, and loads torch. Open `trainer.py` first.
"""

from vae_core.trainer.picture import Diverged
from vae_core.trainer.replay import replay
from vae_core.trainer.trainer import Trainer

__all__ = ["Diverged", "Trainer", "replay"]
