"""Files of a run, and the check of a recording from elsewhere: what needs torch, as bytes."""

from pathlib import Path
from typing import Any

from vae_core.storage import inspection, networks
from vae_core.trainer.trainer import Trainer


def run_state(trainer: Trainer) -> dict[str, Any]:
    """state: bytes to go on from, see `Trainer.state`; frame: the packed frame at that step; events: up to there."""
    return {
        "state": trainer.state(),
        "frame": trainer.frame().packed(),
        "events": [event.model_dump() for event in trainer.events],
    }


def weights_file(trainer: Trainer) -> dict[str, Any]:
    """data: a safetensors file, see `vae_core.storage.networks.weights`."""
    return {"data": networks.weights(trainer)}


def decoder_file(trainer: Trainer) -> dict[str, Any]:
    """data: an ONNX file, see `vae_core.storage.networks.decoder`."""
    return {"data": networks.decoder(trainer)}


def recording_check(trainer: Trainer, folder: str, file: str) -> dict[str, Any]:
    """Nothing, or the sentence of what is wrong with a recording; recipes are checked where torch is, so here.

    The trainer only lends its process.
    """
    inspection.checked(Path(folder), file)
    return {}
