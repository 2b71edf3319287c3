"""One browser's websocket: what those of a run, of a comparison and of a room have in common."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from starlette.websockets import WebSocket, WebSocketDisconnect

from vae_core.ui.server.guard import objection
from vae_core.ui.server.messages import Ack, Command, Malformed, Ping, Switch, read
from vae_core.ui.server.replies import Pong, Refused

MOST = 256  # commands that wait
UNKNOWN = 4404  # code with which a socket is closed whose run, comparison or room is not there

Commands = TypeVar("Commands")
Line = TypeVar("Line", bound=Command)


async def is_barred(socket: WebSocket) -> bool:
    """Whether a page may not open its socket, which is closed then; its browser asks for the reason by `health`."""
    if objection(socket.headers) is None:
        return False
    await socket.close(1008)
    return True


async def turn_away(socket: WebSocket, message: Mapping[str, object]) -> None:
    """Say why there is nothing here, and close; the browser's socket is not accepted yet."""
    await socket.accept()
    try:
        await socket.send_text(json.dumps(message))
        await socket.close(UNKNOWN)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has left already


class BrowserSocket(ABC, Generic[Commands]):
    """One browser at the other end of an accepted socket.

    Args:
        commands: that this kind of socket takes, see `vae_core.ui.server.messages`.

    Attributes:
        news: set when there is something to send.
        ready: whether the browser has taken what was sent: each binary message is acknowledged, so that a slow
            browser skips frames and never falls behind.
    """

    def __init__(self, socket: WebSocket, commands: TypeAdapter[Commands]) -> None:
        self.socket = socket
        self._commands = commands
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self._outstanding = 0
        self._sending = asyncio.Lock()

    # -- what each kind is ---------------------------------------------------------------------

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
    async def answer(self, command: Commands) -> None:
        """Carry out a command, or line it up; `Ack` and `Ping` are never among them.

        Raises:
            Malformed: it cannot be; the browser is told.
        """

    # -- what all kinds do -------------------------------------------------------------------

    async def serve(self) -> None:
        """Until the browser leaves."""
        leave = self.attend()
        tasks: list[asyncio.Task[None]] = []
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
        """Whether the browser has taken what was sent."""
        return self._outstanding == 0

    async def _listen(self) -> None:
        while True:
            event = await self.socket.receive()
            if event["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(event.get("code") or 1005)
            try:
                command = read(event.get("text"), self._commands)
                if isinstance(command, Ack):
                    self._outstanding = max(0, self._outstanding - 1)
                    self.news.set()
                elif isinstance(command, Ping):
                    await self.say(Pong(type="pong"))
                else:
                    await self.answer(command)
            except Malformed as error:
                await self.refuse(str(error))

    async def refuse(self, text: str) -> None:
        """Say in one sentence that something cannot be."""
        await self.say(Refused(type="refused", text=text))

    def all_is_taken(self) -> None:
        """The browser need not acknowledge what was sent until now."""
        self._outstanding = 0

    async def say(self, message: Mapping[str, object]) -> None:
        """Send a text message, see `vae_core.ui.server.replies`."""
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


class Steering(Generic[Line]):
    """Commands that wait for a lane: one after the other, in a thread. Of a dragged slider's many positions only the
    newest counts.

    Args:
        do: carries out a command, in a thread; returns a message for the browser, or None.
    """

    def __init__(self, socket: BrowserSocket[Any], do: Callable[[Line], Mapping[str, object] | None]) -> None:
        self._socket, self._do = socket, do
        self._waiting: asyncio.Queue[Line] = asyncio.Queue(MOST)

    def put(self, command: Line) -> None:
        """Line a command up.

        Raises:
            Malformed: too many wait.
        """
        try:
            self._waiting.put_nowait(command)
        except asyncio.QueueFull:
            raise Malformed("Too many commands at once; wait until the first ones are done.") from None

    async def work(self) -> None:
        """Carry out what comes, for ever."""
        while True:
            command = await self._waiting.get()
            while isinstance(command, Switch) and not self._waiting.empty():
                following = self._waiting.get_nowait()
                if (both := command.then(following)) is None:
                    await self._carry_out(command)
                    command = following
                else:
                    command = both
            await self._carry_out(command)

    async def _carry_out(self, command: Line) -> None:
        if message := await asyncio.to_thread(self._do, command):
            await self._socket.say(message)
