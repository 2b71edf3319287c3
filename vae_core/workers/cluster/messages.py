"""What the server asks of the process that speaks with a cluster, see `vae_core.workers.cluster.bridge`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vae_core.workers.checkpoints import State
from vae_core.workers.messages import Request


@dataclass(frozen=True)
class LaneStatus:
    """How a lane is.

    Attributes:
        state: "starting", "ready", "lost" (it does not answer) or "unfit".
        why: it is lost or unfit, if that is known.
        about: see `vae_core.workers.cluster.node.NodeLane.about`; empty while it is unknown.
    """

    state: str
    why: str = ""
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Attach:
    """To a cluster: the first request, whose answer is None.

    Attributes:
        lanes: how many; as many as there are processors (or parts of a GPU) if 0.
        gpu: part of a GPU for each lane, or 0.
    """

    address: str
    lanes: int
    gpu: float


@dataclass(frozen=True)
class GetNews:
    """How the lanes are (a list of `LaneStatus`), once that differs from what is known."""

    known: Sequence[LaneStatus]


@dataclass(frozen=True)
class AskLane:
    """A request to a lane; the answer is as `vae_core.workers.cluster.node.NodeLane.ask` gives it.

    Attributes:
        state: to open a run from.
    """

    lane: int
    request: Request[Any]
    state: State | None = None


Asked = Attach | GetNews | AskLane
