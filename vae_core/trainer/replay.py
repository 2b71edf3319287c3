"""Replay: a run trained again from its recipe and events, to the bit."""

from collections.abc import Iterable
from typing import Any

from vae_core.run.recipe import Event, Recipe
from vae_core.trainer.trainer import Trainer


def replay(recipe: Recipe, events: Iterable[Event], step: int, start: Trainer | None = None, **options: Any) -> Trainer:
    """The trainer as it was at a step: the recipe trained again with the same events.

    Args:
        start: a trainer of the same run at an earlier step, to go on from (it is used up).
        options: passed to `Trainer`.
    """
    trainer = start or Trainer(recipe, **options)
    # Those that a start has already been through are in its own list.
    for event in list(events)[len(trainer.events) :]:
        if event.step > step:
            break
        trainer.train(event.step - trainer.step_count)
        trainer.switch(event.rule, event.noise, event.knobs)
    trainer.train(step - trainer.step_count)
    return trainer
