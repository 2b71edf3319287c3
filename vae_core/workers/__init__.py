"""The processes that train, and the server's way to them.

`Pool` (pool.py, open it first) holds the lanes of a server: `LaneProcess` (process.py) each, or lanes of a Ray cluster
(cluster/), and before each of them a line (turns.py). What goes to a lane and comes back is declared in messages.py and
errors.py. On the other side, worker.py is the process and lane.py does what is asked of it, a slice at a time
(pacing.py), with previews between two frames (preview.py) and checkpoints on the disk (checkpoints.py).

Imports analysis and what lies below, nothing of engine. This file loads neither torch nor worker.py, which is started
as a program; nor pool.py, which a worker does not need.
"""

from vae_core.workers.errors import (
    Elsewhere,
    GaveWay,
    LaneError,
    LaneLost,
    OutOfMemory,
    Refused,
    ServerFull,
    TrainingDiverged,
    UnknownRun,
)

__all__ = [
    "Elsewhere",
    "GaveWay",
    "LaneError",
    "LaneLost",
    "OutOfMemory",
    "Refused",
    "ServerFull",
    "TrainingDiverged",
    "UnknownRun",
]
