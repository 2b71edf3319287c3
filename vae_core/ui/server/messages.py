"""What browsers send: one model for each command, told apart by its "do", and a union of them for each kind of socket.

`vae_core.ui.server.messages_js` writes them out for the JavaScript, together with `vae_core.ui.server.replies`.
"""

import json
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, TypeAdapter, ValidationError
from typing_extensions import TypedDict

LONGEST = 16_384  # characters of a message
WORDS = {  # what a value should be, by its type in the JSON schema
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "object": "an object of numbers and texts",
    "array": "a list of texts",
}


class Malformed(ValueError):
    """A message that cannot be read, or carried out: one sentence."""


def given(value: object) -> object:
    """A field that may be left out is not null either."""
    if value is None:
        raise ValueError
    return value


V = TypeVar("V")
Commands = TypeVar("Commands")
Given = Annotated[V | None, BeforeValidator(given)]
LIMIT = 2**53  # beyond it, JavaScript's numbers have gaps
Whole = Annotated[int, Field(gt=-LIMIT, lt=LIMIT)]
Number = Annotated[float | int, Field(gt=-LIMIT, lt=LIMIT)]  # what is compared is neither NaN nor infinite
Text = InstanceOf[str]  # any: half a surrogate pair, which JSON can hold, is refused where it means nothing
Knobs = dict[Text, bool | Number | Text]


class Settings(TypedDict, total=False):
    """What is to be changed of a run."""

    rule: str
    noise: float
    knobs: Knobs


class Command(BaseModel):
    """A message from a browser. Fields that it does not know are left aside."""

    model_config = ConfigDict(frozen=True, strict=True)


# -- of every socket ---------------------------------------------------------------------------


class Ack(Command):
    """A binary message was taken: the next one may come."""

    do: Literal["ack"] = "ack"


class Ping(Command):
    """Whether the server is there."""

    do: Literal["ping"] = "ping"


class Frame(Command):
    """The recorded frame at a step, or the last one before it."""

    do: Literal["frame"] = "frame"
    step: Whole


class Follow(Command):
    """Whether to be sent what is new, or to look at the past."""

    do: Literal["follow"] = "follow"
    value: bool


# -- to steer ----------------------------------------------------------------------------------


class Play(Command):
    """Train until paused."""

    do: Literal["play"] = "play"


class Pause(Command):
    """Stop."""

    do: Literal["pause"] = "pause"


class Step(Command):
    """Train some steps and pause."""

    do: Literal["step"] = "step"
    steps: Whole = 1


class Epoch(Command):
    """Train for one pass over the training images and pause."""

    do: Literal["epoch"] = "epoch"


class Reset(Command):
    """Start again."""

    do: Literal["reset"] = "reset"


class Speed(Command):
    """Steps a second; 0 is as fast as possible."""

    do: Literal["speed"] = "speed"
    value: Number


class Look(Command):
    """Choose the input image, by its index among the points."""

    do: Literal["look"] = "look"
    index: Whole


class Change(Command):
    """What is to be changed: rule, noise, knobs, or several of them."""

    rule: Given[Text] = None
    noise: Given[Number] = None
    knobs: Given[Knobs] = None

    def settings(self) -> Settings:
        """What was given."""
        settings = Settings()
        if self.rule is not None:
            settings["rule"] = self.rule
        if self.noise is not None:
            settings["noise"] = self.noise
        if self.knobs is not None:
            settings["knobs"] = self.knobs
        return settings


class Switch(Change):
    """Change rule, noise or knobs from the next step on; in a comparison, of one column or of all."""

    do: Literal["switch"] = "switch"
    column: Given[Whole] = None

    def then(self, later: object) -> Self | None:
        """This change and a later command as one, if that goes on where this one was."""
        if not isinstance(later, Switch) or later.column != self.column or later.rule is not None:
            return None
        noise = self.noise if later.noise is None else later.noise
        return self.model_copy(update={"noise": noise, "knobs": {**(self.knobs or {}), **(later.knobs or {})}})


class Fork(Change):
    """A run of one's own from a recorded frame on, with changes."""

    do: Literal["fork"] = "fork"
    step: Whole


class Decoder(Command):
    """The decoder at a recorded step."""

    do: Literal["decoder"] = "decoder"
    step: Whole


# -- of the presenter of a room ----------------------------------------------------------------


class Share(Command):
    """Open a room; with the admin token, where the server asks for it. root: where the browser has the app."""

    do: Literal["share"] = "share"
    admin: Text = ""
    root: Text = "/"


class Present(Command):
    """Come back to a room by its token; fresh: from a page that was just loaded."""

    do: Literal["present"] = "present"
    token: Text
    fresh: bool = False
    root: Text = "/"


class Unshare(Command):
    """Close the room."""

    do: Literal["unshare"] = "unshare"


class Ask(Command):
    """Put a question to the class: of a lesson, by its name, or one's own."""

    do: Literal["ask"] = "ask"
    options: list[Text]
    question: Text = ""
    lesson: Given[Text] = None


class StopPoll(Command):
    """No more votes count; the result is shown to all, or not."""

    do: Literal["stop_poll"] = "stop_poll"
    show: bool


class ClearPoll(Command):
    """Take the question away."""

    do: Literal["clear_poll"] = "clear_poll"


# -- of who watches a room ---------------------------------------------------------------------


class Vote(Command):
    """Answer a poll, or change the answer."""

    do: Literal["vote"] = "vote"
    poll: Text
    option: Whole


class Steer(Command):
    """What only the presenter may do."""

    do: Literal["play", "pause", "step", "epoch", "reset", "speed", "switch", "look", "fork"]


# -- of each kind of socket --------------------------------------------------------------------

RunSteering = Play | Pause | Step | Epoch | Reset | Speed | Switch | Look | Fork
Presenting = Share | Present | Unshare | Ask | StopPoll | ClearPoll
RunCommand = Annotated[
    Ack | Ping | Frame | Follow | Decoder | RunSteering | Presenting,
    Field(discriminator="do"),
]
ComparisonSteering = Play | Pause | Step | Reset | Speed | Switch | Look
ComparisonCommand = Annotated[Ack | Ping | Frame | Follow | ComparisonSteering, Field(discriminator="do")]
RoomCommand = Annotated[Ack | Ping | Frame | Follow | Vote | Steer, Field(discriminator="do")]

OF_RUN: TypeAdapter[RunCommand] = TypeAdapter(RunCommand)
OF_COMPARISON: TypeAdapter[ComparisonCommand] = TypeAdapter(ComparisonCommand)
OF_ROOM: TypeAdapter[RoomCommand] = TypeAdapter(RoomCommand)


def read(text: str | None, commands: TypeAdapter[Commands]) -> Commands:
    """A command from a browser.

    Args:
        text: of the message; None if it was binary.
        commands: one of the three above.

    Raises:
        Malformed: it is something else; one sentence names the field and what it should be.
    """
    if text is None:
        raise Malformed("Messages are text; this one was binary.")
    if len(text) > LONGEST:
        raise Malformed(f"A message may have {LONGEST:,} characters; this one had {len(text):,}.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("The message is not JSON.") from None
    if not isinstance(message, dict):
        raise Malformed("A message should be an object with the command as 'do'.")
    try:
        return commands.validate_python(message)
    except ValidationError as error:
        where = error.errors(include_url=False)[0]["loc"]
    do, known = message.get("do"), fields(commands)
    if not where or not isinstance(do, str):
        raise Malformed(f"Unknown command {do!r:.40}; the commands are {', '.join(sorted(known))}.")
    name = str(where[1])
    if name not in message:
        raise Malformed(f"The command {do!r} needs {name!r}.")
    raise Malformed(f"{name!r} should be {words(known[do][name])}; it was {message[name]!r:.40}.")


@cache
def fields(commands: TypeAdapter[Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """The JSON schema of each field of each command."""
    schema = commands.json_schema()
    named = {do: schema["$defs"][ref.rsplit("/", 1)[-1]] for do, ref in schema["discriminator"]["mapping"].items()}
    return {do: command["properties"] for do, command in named.items()}


def words(field: dict[str, Any]) -> str:
    """What a value should be; of several types the first."""
    while "anyOf" in field:
        field = field["anyOf"][0]
    return WORDS[field["type"]]
