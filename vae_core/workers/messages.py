"""What the server and a lane say to each other: a small class for each request, and for each answer of several parts.

They are pickled as they are and not checked on the way: both ends run the same code. A request's type parameter is the
type of its answer; any of them may be answered by a `vae_core.workers.errors.LaneError` instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from vae_core.run.catalogue import RuleEntry
from vae_core.run.frame import PackedFrame

Answer = TypeVar("Answer")
Change = dict[str, Any]  # ``{"step", "rule"?, "noise"?, "knobs"?}``


# -- answers, and what comes before one ----------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """A run as it stands.

    Attributes:
        info: what is known of it from its start on, as the screen shows it: recipe, dataset (title, source, banner),
            classes, points, encoder (widths), steps_per_epoch, activation, device.
        default_chosen: the input image where nobody has chosen one.
    """

    info: dict[str, Any]
    frame: PackedFrame
    default_chosen: int


@dataclass(frozen=True)
class Images:
    """Of the points, packed: labels, and pixels."""

    probe: bytes
    images: bytes


@dataclass(frozen=True)
class Advanced:
    """A slice of training.

    Attributes:
        seconds: that it took.
        events: the run's, all of them.
    """

    frame: PackedFrame
    seconds: float
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class Switched:
    """The run under its new settings, and all of its events."""

    frame: PackedFrame
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class Preview:
    """What is seen of a request while it is worked on, see `vae_core.workers.preview`; its answer is still to come."""

    data: bytes


# -- requests ------------------------------------------------------------------------------------


class Request(Generic[Answer]):
    """Anything that a lane can be asked."""


@dataclass(frozen=True)
class RunRequest(Request[Answer]):
    """Anything that concerns one run.

    Attributes:
        run: its id.
    """

    run: str


@dataclass(frozen=True)
class DescribeRules(Request[list[RuleEntry]]):
    """All rules, as the page shows them."""


@dataclass(frozen=True)
class OpenRun(RunRequest[Opened]):
    """Start a run, or bring one back to a step: from its last checkpoint before, else anew.

    Attributes:
        pending: changes to make on the way.
        events: those that the run has been through up to ``step``.
        points: test images on the plane.
        folders: where its checkpoints lie, and those of the run that it was forked from.
        chosen: the input image, see `Look`.
        origin: a run of this lane whose state is copied if it stands at that step.
    """

    recipe: dict[str, Any]
    pending: Sequence[Change] = ()
    events: Sequence[dict[str, Any]] = ()
    step: int = 0
    points: int = 2000
    folders: Sequence[str] = ()
    device: str = "auto"
    chosen: int | None = None
    origin: str | None = None


@dataclass(frozen=True)
class GetImages(RunRequest[Images]):
    """Labels and images of the points."""


@dataclass(frozen=True)
class Advance(RunRequest[Advanced]):
    """Train one slice: a number of steps, or to the next multiple of a stride, or, with neither, as many as fit a time,
    see `vae_core.workers.pacing`.

    Attributes:
        previews: show the points on the way; the slice is then longer, and ends at a preview if a request waits.
        resumed: the run has rested, and somebody waits to see it move: after one step if there are previews.
    """

    steps: int = 0
    stride: int = 0
    previews: bool = False
    resumed: bool = False


@dataclass(frozen=True)
class Hurry(RunRequest[None]):
    """Nothing: that it waits ends a slice with previews, and exact measures at rest."""


@dataclass(frozen=True)
class Switch(RunRequest[Switched]):
    """Change rule, noise or knobs. What a replayed link still had to come is dropped: the user has taken over."""

    rule: str | None = None
    noise: float | None = None
    knobs: dict[str, Any] | None = None


@dataclass(frozen=True)
class Look(RunRequest[PackedFrame]):
    """Choose the image that is painted last and encoded 50 times."""

    index: int


@dataclass(frozen=True)
class Examine(RunRequest[dict[str, Any]]):
    """What a page other than the stage shows of a run.

    Attributes:
        view: a key of `vae_core.analysis.views.VIEWS`; ``args`` are that function's.
        at: the step at which the run should stand; Elsewhere if it does not.
    """

    view: str
    args: Mapping[str, Any] = field(default_factory=dict)
    at: int | None = None


@dataclass(frozen=True)
class MeasureExactly(RunRequest[dict[str, Any]]):
    """Exact measures that go along, see `vae_core.analysis.views.live_exact`.

    Attributes:
        part, parts: one of so many parts of the images.
        fine: at rest; it gives way (GaveWay) if another request comes, as it can be measured later.
    """

    part: int
    parts: int
    fine: bool = False


@dataclass(frozen=True)
class CloseRun(RunRequest[None]):
    """Forget a run."""
