"""What runs on the server: who has which run, and what is trained for it.

`Engine` (engine.py, open it first) has the pool of lanes, the trainings and the runs. A `Training` (training.py) is one
training in a lane with its recording, found and shared by `Trainings` (trainings.py). A `LiveRun` (player.py, with its
controls in playback.py) shows one to a user; `Lockstep` and `Sweep` play several. Rooms for a class are in rooms.py,
what the disk knows of them in room_notes.py, exact measures that go along in live_measures.py, what a class may use in
limits.py. What happens when a worker dies is told in recovery.py.

Imports workers, storage, run and what lies below; never torch, and nothing of ui.
"""

from vae_core.engine.engine import Engine
from vae_core.engine.limits import LimitError, Limits
from vae_core.engine.lockstep import Lockstep
from vae_core.engine.player import LiveRun
from vae_core.engine.rooms import Classroom, Room, RoomError
from vae_core.engine.sweep import Sweep

__all__ = [
    "Classroom",
    "Engine",
    "LimitError",
    "Limits",
    "LiveRun",
    "Lockstep",
    "Room",
    "RoomError",
    "Sweep",
]
