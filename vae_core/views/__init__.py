"""What the pages beside the stage show of a run: functions of a trainer, computed in the lane.

Each returns plain numpy; pages draw it by `vae_core.figures`, and compute nothing.
"""

from vae_core.views.flows import flow_density, flow_samples, flow_way
from vae_core.views.offset import encoder_members, offset_codes, offset_gap, offset_merged, offset_twice

__all__ = [
    "encoder_members",
    "flow_density",
    "flow_samples",
    "flow_way",
    "offset_codes",
    "offset_gap",
    "offset_merged",
    "offset_twice",
]
