"""What the server sends: texts told apart by "type", binary messages (see `vae_core.run.packing.pack`) by "kind".

`vae_core.ui.server.messages_js` writes them out for the JavaScript; the tests hold what the sockets send against them.
"""

from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import InstanceOf
from typing_extensions import TypedDict

from vae_core.run.catalogue import RuleEntry

Array = InstanceOf[np.ndarray]
Float32 = Annotated[Array, "Float32Array"]  # as the browser unpacks them
Int32 = Annotated[Array, "Int32Array"]
Uint8 = Annotated[Array, "Uint8Array"]
Uint16 = Annotated[Array, "Uint16Array"]
Knobs = dict[str, bool | float | str]
Metrics = dict[str, float | None]


# -- parts of messages -------------------------------------------------------------------------


class Data(TypedDict):
    """A data set; banner: what stands in for it, if it is not there."""

    title: str
    source: str
    banner: str | None


class Mark(TypedDict):
    """A change on the way: a slider's journey from `step` to `last` is one."""

    step: int
    last: int
    label: str
    kind: str


class Note(TypedDict):
    """A sentence on the screen."""

    level: Literal["info", "warning", "error"]
    text: str


class Measured(TypedDict):
    """Exact log p(x) at the steps at which it was measured."""

    steps: list[int]
    log_marginal: list[float]


class Columns(TypedDict):
    """Metrics at each of the steps."""

    steps: list[int]
    metrics: dict[str, list[float | None]]


# -- texts, to all -----------------------------------------------------------------------------


class Pong(TypedDict):
    """The server is there."""

    type: Literal["pong"]


class Refused(TypedDict):
    """Something that was asked for cannot be, in one sentence."""

    type: Literal["refused"]
    text: str


class Gone(TypedDict):
    """The run or comparison is not here any more."""

    type: Literal["gone"]


# -- texts of a run ----------------------------------------------------------------------------


class Opened(TypedDict):
    """The run of a page's link, where it is from now on."""

    type: Literal["opened"]
    socket: str
    images: str


class Moved(TypedDict):
    """The browser goes on at another run."""

    type: Literal["moved"]
    socket: str
    images: str


class Hello(TypedDict):
    """What is fixed for a run."""

    type: Literal["hello"]
    rules: list[RuleEntry]
    recipe: dict[str, Any]
    dataset: Data
    classes: list[str]
    points: int
    encoder: list[int]
    steps_per_epoch: int
    activation: str
    device: str


class History(Columns):
    """A run's past."""

    type: Literal["history"]
    kept: list[int]
    events: list[Mark]
    measured: Measured


class Crowd(TypedDict):
    """How many runs share how many workers, if they have to."""

    runs: int
    workers: int


class RunState(TypedDict):
    """How a run is; recorded: the step up to which frames are there already."""

    playing: bool
    speed: float
    step: int
    epoch: float
    seconds: float
    rule: str
    noise: float
    knobs: Knobs
    events: list[Mark]
    kept: list[int]
    status: Literal["training", "paused", "diverged"]
    recorded: int | None


class State(RunState):
    """What the controls of a run show."""

    type: Literal["state"]
    link: str
    message: Note | None
    crowd: Crowd | None


class Recorded(TypedDict):
    """The frame that comes next is of the past."""

    type: Literal["recorded"]
    step: int


# -- texts of a comparison ---------------------------------------------------------------------


class Contestant(TypedDict):
    """What is fixed for one run of a comparison."""

    classes: list[str]
    recipe: dict[str, Any]


class ComparisonHello(TypedDict):
    """What is fixed for a comparison."""

    type: Literal["hello"]
    rules: list[RuleEntry]
    question: str
    columns: list[Contestant]
    images: str


class ComparisonHistory(TypedDict):
    """The past of all columns."""

    type: Literal["history"]
    columns: list[Columns]


class ColumnState(TypedDict):
    """What one column shows beside its picture."""

    title: str
    rule: str
    noise: float
    knobs: Knobs
    step: int
    status: Literal["training", "paused", "diverged"]
    message: Note | None
    events: list[Mark]


class ComparisonState(TypedDict):
    """What the controls of a comparison show."""

    type: Literal["state"]
    playing: bool
    speed: float
    step: int
    seconds: float
    status: Literal["training", "paused"]
    kept: list[int]
    link: str
    message: Note | None
    columns: list[ColumnState]


class Round(TypedDict):
    """Of which columns the frames are that come next; past: recorded ones."""

    type: Literal["round"]
    columns: list[int]
    past: bool


# -- binary messages of a run ------------------------------------------------------------------


class Probe(TypedDict):
    """The classes of the points."""

    kind: Literal["probe"]
    labels: Uint8


class Images(TypedDict):
    """The images of the points."""

    kind: Literal["images"]
    images: Uint8


class FrameHeader(TypedDict):
    """A frame without its arrays, see `vae_core.run.frame.Frame`."""

    kind: Literal["frame"]
    step: int
    epoch: float
    rule: str
    noise: float
    knobs: Knobs
    metrics: Metrics
    activation: str
    facts: dict[str, list[float]]


class Frame(FrameHeader):
    """A run at one step, see `vae_core.run.frame.Frame`; chosen is the last of the strip."""

    chosen: int
    strip: list[int]
    mean: Float32
    z: Float32
    scale: NotRequired[Float32]
    correlation: NotRequired[Float32]
    repeats: Float32
    prior_z: Float32
    strip_at_mean: Uint8
    strip_at_draw: Uint8
    uncertainty: Uint8
    prior: Uint8


class Preview(TypedDict):
    """Where the points first, first + by, … have gone since the newest frame."""

    kind: Literal["glimpse"]
    step: int
    first: int
    by: int
    mean: Float32
    z: Float32


class Exact(TypedDict):
    """Exact measures, see `vae_core.engine.live_measures.combined`; of those that failed only the first four."""

    kind: Literal["exact"]
    step: int
    rule: str
    noise: float
    knobs: Knobs
    failed: NotRequired[Literal[True]]
    prior: NotRequired[str]
    together: NotRequired[int]
    index: NotRequired[int]
    fine: NotRequired[bool]
    of: NotRequired[int]
    images: NotRequired[int]
    mutual_information: NotRequired[float | None]
    aggregate_kl: NotRequired[float | None]
    kl: NotRequired[float | None]
    together_error: NotRequired[float | None]
    unresolved: NotRequired[int]
    log_marginal: NotRequired[float]
    log_marginal_error: NotRequired[float]
    error: NotRequired[float]
    elbo: NotRequired[float | None]
    gap: NotRequired[float | None]
    gap_error: NotRequired[float | None]
    low: NotRequired[Float32]
    high: NotRequired[Float32]
    posterior: NotRequired[Uint8]


class Decoder(TypedDict):
    """A frame's decoder; w0, b0, w1, … are its arrays."""

    kind: Literal["decoder"]
    step: int
    activation: str
    layers: int


RunReply = (
    Pong | Refused | Gone | Opened | Moved | Hello | History | State | Recorded
    | Probe | Frame | Preview | Exact | Decoder
)  # fmt: skip
ComparisonReply = Pong | Refused | Gone | ComparisonHello | ComparisonHistory | ComparisonState | Round | Probe | Frame
