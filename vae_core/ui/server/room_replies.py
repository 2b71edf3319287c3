"""What the server sends of a room: to its presenter, beside what the run's socket sends, and to those who watch.

Those get binary messages but for a few texts: each is packed inside a `Packed`, see `vae_core.ui.server.compact`.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from vae_core.run.catalogue import RuleEntry
from vae_core.ui.server.replies import (
    Decoder,
    Exact,
    Float32,
    FrameHeader,
    Images,
    Int32,
    Pong,
    Refused,
    RunState,
    Uint8,
    Uint16,
)


class Poll(TypedDict):
    """A question to all who watch; html: it is HTML, which no user wrote. Counts where they are to be seen."""

    id: str
    text: str
    html: bool
    options: list[str]
    open: bool
    shown: bool
    counts: list[int] | None


# -- texts to the presenter of a room ----------------------------------------------------------


class Question(TypedDict):
    """A lesson's question that can be put to the class."""

    name: str
    title: str


class RoomOpened(TypedDict):
    """What stays as it is while a room is open; qr: the link as SVG."""

    type: Literal["room"]
    code: str
    token: str
    link: str
    note: str
    qr: str
    questions: list[Question]


class RoomAsks(TypedDict):
    """A room is opened with the admin token only."""

    type: Literal["room"]
    asks: str


class RoomGone(TypedDict):
    """The room is closed, or was never there."""

    type: Literal["room"]
    gone: Literal[True]


class Class(TypedDict):
    """How many watch, and how they vote."""

    type: Literal["class"]
    watching: int
    poll: Poll | None


# -- texts to who watches a room ---------------------------------------------------------------


class Voted(TypedDict):
    """The answer that counts."""

    type: Literal["voted"]
    poll: str
    option: int


class Ended(TypedDict):
    """The room is closed, or cannot be entered; again: it may be tried once more."""

    type: Literal["ended"]
    text: str
    again: NotRequired[bool]


# -- binary messages to who watches ------------------------------------------------------------


class Packed(TypedDict):
    """A message compressed with zlib, and what is told of it outside; at: when a frame came, in seconds since 1970;
    weights: the step whose decoder is on offer."""

    kind: Literal["packed"]
    body: Uint8
    step: NotRequired[int]
    at: NotRequired[float]
    seconds: NotRequired[float]
    weights: NotRequired[int]
    recorded: NotRequired[Literal[True]]


class RoomHello(TypedDict):
    """What is fixed for the run on show; take: how many were shown, this one with them."""

    kind: Literal["hello"]
    take: int
    rules: list[RuleEntry]
    recipe: dict[str, Any]
    classes: list[str]
    encoder: list[int]


class RoomProbe(TypedDict):
    """The classes of the points, and the images of the strip, which are the first of them."""

    kind: Literal["probe"]
    labels: Uint8
    strip_images: Uint8


class RoomHistory(TypedDict):
    """Metrics, one row for each name, at the steps; exact log p(x) likewise."""

    kind: Literal["history"]
    names: list[str]
    steps: Int32
    values: Float32
    measured_steps: Int32
    measured: Float32


class RoomState(RunState):
    """The run's state, of which the presenter alone sees the rest."""

    kind: Literal["state"]
    watching: int


class PollShown(TypedDict):
    """The question that is put, or none."""

    kind: Literal["poll"]
    poll: Poll | None


class RoomFrame(FrameHeader):
    """A frame of fewer points, see `vae_core.ui.server.compact.Lens.frame`."""

    number: int
    label: int
    low: list[float]
    high: list[float]
    mean: Uint16
    z: Uint16
    scale: NotRequired[Float32]
    correlation: NotRequired[Float32]
    repeats: Uint16
    prior_z: Uint16
    strip_at_mean: Uint8
    strip_at_draw: Uint8
    uncertainty: Uint8
    prior: Uint8
    input: Uint8


PresenterReply = RoomOpened | RoomAsks | RoomGone | Class
RoomReply = Pong | Refused | Ended | Voted | Packed
RoomInside = RoomHello | RoomProbe | RoomHistory | RoomState | PollShown | RoomFrame | Exact | Images | Decoder
