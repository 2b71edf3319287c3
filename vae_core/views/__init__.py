"""What the pages beside the stage show of a run: functions of a trainer, computed in the lane.

Each returns plain numpy; pages draw it by `vae_core.figures`, and compute nothing.
"""

__all__: list[str] = []
