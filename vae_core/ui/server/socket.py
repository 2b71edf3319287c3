"""Channel: one browser's websocket. What the streams of a run, of a comparison and of a room have in common."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

PREFIX = "/noise-lab"
LONGEST = 16_384  # characters of a message from a browser
MOST = 256  # commands that wait
UNKNOWN = 4404  # code with which a socket is closed whose run, comparison or room is not there

# What a command may hold, and the commands that every channel answers itself.
FIELDS = {
    "step": "a whole number", "steps": "a whole number", "index": "a whole number", "column": "a whole number",
    "option": "a whole number", "noise": "a number", "value": "a number, true or false", "rule": "text",
    "token": "text", "admin": "text", "poll": "text", "question": "text", "lesson": "text", "show": "true or false",
    "fresh": "true or false", "knobs": "an object of numbers and texts", "options": "a list of texts",
}  # fmt: skip
COMMON = {"ack": (), "ping": ()}


class Malformed(ValueError):
    """A message that cannot be read: one sentence."""


def same_origin(socket: WebSocket) -> bool:
    """Browsers name the page that opens a socket; only pages of this server may."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def turn_away(socket: WebSocket, **message: Any) -> None:
    """Say why there is nothing here, and close; the browser's socket is not accepted yet."""
    await socket.accept()
    try:
        await socket.send_text(json.dumps(message))
        await socket.close(UNKNOWN)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has left already


class Channel(ABC):
    """One browser at the other end of an accepted socket.

    Attributes:
        news: set when there is something to send.
        ready: whether the browser has taken what was sent: each binary message is acknowledged, so that a slow
            browser skips frames and never falls behind.
    """

    commands: Mapping[str, tuple[str, ...]]  # name -> fields that it needs

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self._outstanding = 0
        self._sending = asyncio.Lock()

    # -- what a stream is --------------------------------------------------------------------

    @abstractmethod
    def attend(self) -> Callable[[], None]:
        """Begin to be told what changes; returns the function that ends it."""

    @abstractmethod
    async def greet(self) -> None:
        """Send what comes first."""

    @abstractmethod
    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on beside listening, until one of them, or the listening, ends."""

    @abstractmethod
    async def answer(self, command: dict[str, Any]) -> None:
        """Carry out a command of `commands`, or line it up.

        Raises:
            Malformed: it cannot be; the browser is told.
        """

    # -- what all streams do -----------------------------------------------------------------

    async def serve(self) -> None:
        """Until the browser leaves."""
        leave = self.attend()
        tasks: list[asyncio.Task] = []
        gone = (WebSocketDisconnect, RuntimeError)
        try:
            await self.greet()
            self.news.set()
            tasks = [asyncio.create_task(job) for job in (self._listen(), *self.jobs())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except gone:
            pass  # the browser left while it was greeted
        finally:
            leave()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if not isinstance(result, (*gone, asyncio.CancelledError, type(None))):
                    raise result

    def wake(self) -> None:
        """There is news; called from any thread."""
        self.loop.call_soon_threadsafe(self.news.set)

    @property
    def ready(self) -> bool:
        return self._outstanding == 0

    async def _listen(self) -> None:
        known = {**COMMON, **self.commands}
        while True:
            event = await self.socket.receive()
            if event["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(event.get("code") or 1005)
            try:
                command = parse(event.get("text"), known)
                if command["do"] == "ack":
                    self._outstanding = max(0, self._outstanding - 1)
                    self.news.set()
                elif command["do"] == "ping":
                    await self.say({"type": "pong"})
                else:
                    await self.answer(command)
            except Malformed as error:
                await self.refuse(str(error))

    async def refuse(self, text: str) -> None:
        """Say in one sentence that something cannot be."""
        await self.say({"type": "refused", "text": text})

    async def say(self, message: dict[str, Any]) -> None:
        await self.send(json.dumps(message, allow_nan=False))

    async def send(self, *messages: str | bytes) -> None:
        """Send messages without another one between them."""
        async with self._sending:
            for message in messages:
                if isinstance(message, str):
                    await self.socket.send_text(message)
                else:
                    self._outstanding += 1
                    await self.socket.send_bytes(message)


def parse(text: str | None, commands: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A command from a browser: an object whose "do" names one of the commands, with its fields.

    Raises:
        Malformed: it is something else.
    """
    if text is None:
        raise Malformed("Messages are text; this one was binary.")
    if len(text) > LONGEST:
        raise Malformed(f"A message may have {LONGEST:,} characters; this one had {len(text):,}.")
    try:
        command = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("The message is not JSON.") from None
    if not isinstance(command, dict):
        raise Malformed("A message should be an object with the command as 'do'.")
    do = command.get("do")
    if not isinstance(do, str) or do not in commands:
        raise Malformed(f"Unknown command {do!r:.40}; the commands are {', '.join(sorted(commands))}.")
    if missing := [name for name in commands[do] if name not in command]:
        raise Malformed(f"The command {do!r} needs {missing[0]!r}.")
    for name, value in command.items():
        if name in FIELDS and not fits(value, FIELDS[name]):
            raise Malformed(f"{name!r} should be {FIELDS[name]}; it was {value!r:.40}.")
    return command


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of one of the kinds in `FIELDS`."""
    truth, words = isinstance(value, bool), isinstance(value, str)
    number = isinstance(value, int | float) and not truth and abs(value) < 2**53  # no NaN, no infinity
    match kind:
        case "text":
            return words
        case "true or false":
            return truth
        case "a number":
            return number
        case "a whole number":
            return number and isinstance(value, int)
        case "a number, true or false":
            return number or truth
        case "a list of texts":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case _:  # an object of numbers and texts
            inside = value.values() if isinstance(value, dict) else [None]
            return all(isinstance(each, str | bool) or fits(each, "a number") for each in inside)


class Steering:
    """Commands that wait for a lane: one after the other, in a thread. Of a dragged slider's many positions only the
    newest counts.

    Args:
        do: carries out a command, in a thread; returns a message for the browser, or None.
    """

    def __init__(self, channel: Channel, do: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        self._channel, self._do = channel, do
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST)

    def put(self, command: dict[str, Any]) -> None:
        """Line a command up.

        Raises:
            Malformed: too many wait.
        """
        try:
            self._waiting.put_nowait(command)
        except asyncio.QueueFull:
            raise Malformed("Too many commands at once; wait until the first ones are done.") from None

    async def work(self) -> None:
        while True:
            command = await self._waiting.get()
            while command["do"] == "switch" and not self._waiting.empty():
                following = self._waiting.get_nowait()
                if not continues(command, following):
                    await self._carry_out(command)
                    command = following
                    continue
                knobs = {**command.get("knobs", {}), **following.get("knobs", {})}
                command = {**command, **following, "knobs": knobs}
            await self._carry_out(command)

    async def _carry_out(self, command: dict[str, Any]) -> None:
        if message := await asyncio.to_thread(self._do, command):
            await self._channel.say(message)


def continues(command: dict[str, Any], following: dict[str, Any]) -> bool:
    """Whether a switch goes on where the one before it was."""
    same = following["do"] == "switch" and following.get("column") == command.get("column")
    return same and "rule" not in following
