"""State: all that a trainer needs to go on, as bytes (numpy's npz; nothing in it is ever unpickled)."""

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.run.recipe import Event, Recipe

Moments = tuple[Tensor, Tensor, Tensor]  # of a parameter: first, second, number of steps
MOMENTS = "mvt"  # their names in the file


@dataclass(frozen=True)
class State:
    """A trainer at a step.

    Attributes:
        rule, noise, knobs: the settings that the next step trains with.
        trained_with: the same three of the last step.
        rules: those that have been in use; each has parts among the networks.
        points: number of test images that frames show.
        networks, moments: tensors by the names of the networks' parameters.
    """

    recipe: Recipe
    events: list[Event]
    step: int
    rule: str
    noise: float
    knobs: dict[str, Any]
    trained_with: tuple[str, float, dict[str, Any]]
    rules: list[str]
    points: int
    networks: dict[str, Tensor]
    moments: dict[str, Moments]

    def packed(self) -> bytes:
        """The state as npz."""
        arrays = {f"network/{name}": value for name, value in self.networks.items()}
        for name, moments in self.moments.items():
            arrays |= {f"adam/{part}/{name}": value for part, value in zip(MOMENTS, moments, strict=True)}
        about = {
            "recipe": self.recipe.model_dump(),
            "events": [event.model_dump() for event in self.events],
            "step": self.step,
            "rule": self.rule,
            "noise": self.noise,
            "knobs": self.knobs,
            "trained_with": list(self.trained_with),
            "rules": self.rules,
            "points": self.points,
        }
        contents: dict[str, Any] = {name: value.cpu().numpy() for name, value in arrays.items()}
        buffer = io.BytesIO()
        np.savez(buffer, about=np.array(json.dumps(about)), **contents)
        return buffer.getvalue()

    @classmethod
    def unpacked(cls, data: bytes) -> "State":
        """What `packed` packed; the tensors are on the CPU.

        Raises:
            RecipeError: its recipe is none of today's.
            Exception: of many kinds, if it is something else.
        """
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop("about")))
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        networks = {n.removeprefix("network/"): t for n, t in tensors.items() if n.startswith("network/")}
        first, second, steps = (
            {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
            for start in (f"adam/{part}/" for part in MOMENTS)
        )
        rule, noise, knobs = about["trained_with"]
        return cls(
            recipe=Recipe(**about["recipe"]),
            events=[Event(**event) for event in about["events"]],
            step=about["step"],
            rule=about["rule"],
            noise=about["noise"],
            knobs=about["knobs"],
            trained_with=(rule, noise, knobs),
            rules=about["rules"],
            points=about["points"],
            networks=networks,
            moments={name: (moment, second[name], steps[name]) for name, moment in first.items()},
        )
