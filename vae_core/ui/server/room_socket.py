"""The socket of those who watch a room, and what they fetch when they need it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vae_core.engine.rooms import Room, RoomError
from vae_core.ui.server import messages
from vae_core.ui.server.address import LAB, served
from vae_core.ui.server.broadcast import Broadcast
from vae_core.ui.server.room_replies import Ended, Voted
from vae_core.ui.server.socket import BrowserSocket, is_barred, turn_away
from vae_core.ui.server.state import broadcasts, classroom, engine

SCRUB_EVERY = 0.1  # seconds between two recorded frames to one viewer
KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
ENDED = "The presenter has closed this room."


def socket_of(room: Room) -> str:
    """The address of a room's socket."""
    return f"{LAB}/room/{room.code}"


def address_of(connection: HTTPConnection) -> str:
    """Where somebody asks from."""
    return connection.client.host if connection.client else ""


async def watch(socket: WebSocket) -> None:
    """One room to one viewer."""
    if await is_barred(socket):
        return
    viewer = socket.query_params.get("viewer", "")[:64]
    try:
        room = await asyncio.to_thread(classroom().find, socket.path_params["code"], address_of(socket), viewer)
        leave = room.watch(viewer)
    except RoomError as error:
        await turn_away(socket, Ended(type="ended", text=str(error), again=True))
        return
    try:
        await socket.accept()
        await RoomSocket(socket, room, viewer).serve()
    finally:
        leave()


class RoomSocket(BrowserSocket[messages.RoomCommand]):
    """One viewer of a room. It scrubs the past on its own, votes, and cannot steer."""

    def __init__(self, socket: WebSocket, room: Room, viewer: str) -> None:
        super().__init__(socket, messages.OF_ROOM)
        self.room, self.viewer = room, viewer
        self.broadcast = broadcasts().get(room.code) or Broadcast(room, engine().rules)
        broadcasts()[room.code] = self.broadcast
        self.following, self.take = True, 0
        self.sent: dict[str, bytes | None] = {}
        self.scrub_at = 0.0

    def attend(self) -> Callable[[], None]:
        """Watch the room."""

        def leave() -> None:
            self.broadcast.leave(self.news)
            if not self.broadcast.watched and broadcasts().get(self.room.code) is self.broadcast:
                del broadcasts()[self.room.code]

        self.broadcast.enter(self.news)
        return leave

    async def greet(self) -> None:
        """What this viewer has answered."""
        await self.broadcast.opened()
        if (poll := self.room.poll) and self.viewer in poll.votes:
            await self._tell_vote(poll.id, poll.votes[self.viewer])

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Send what is new."""
        return [self._send_news()]

    async def _send_news(self) -> None:
        while not self.room.ended:
            await self.news.wait()
            self.news.clear()
            cast = self.broadcast
            if self.take != cast.take:
                self.take, self.sent, self.following = cast.take, {}, True
                await self.send(*cast.opening, await cast.history())
            if not self.ready:
                continue  # the newest of each, once the last ones were taken
            newest = {"state": cast.state, "poll": cast.poll}
            if self.following:
                newest |= {"exact": cast.exact, "frame": cast.frame}
            for name, message in newest.items():
                if message is not None and message is not self.sent.get(name):
                    self.sent[name] = message
                    await self.send(message)
        await self.say(Ended(type="ended", text=ENDED))
        await self.socket.close()

    async def answer(self, command: messages.RoomCommand) -> None:
        """Answer at once."""
        match command:
            case messages.Frame(step=step):
                await asyncio.sleep(max(0.0, self.scrub_at - self.loop.time()))
                self.scrub_at = self.loop.time() + SCRUB_EVERY
                await self.send(*await self.broadcast.recorded(step))
            case messages.Follow(value=following):
                self.following = following
                self.sent.pop("frame", None), self.sent.pop("exact", None)
                self.news.set()
            case messages.Vote(poll=poll, option=option):
                try:
                    self.room.vote(self.viewer, poll, option)
                except RoomError as error:
                    raise messages.Malformed(str(error)) from None
                await self._tell_vote(poll, option)
            case messages.Steer():
                raise messages.Malformed("Only the presenter steers this run. Fork it to have a run of your own.")

    async def _tell_vote(self, poll: str, option: int) -> None:
        await self.say(Voted(type="voted", poll=poll, option=option))


async def images(request: Request) -> Response:
    """The images of the points that viewers see."""
    cast = cast_of(request)
    return Response(status_code=404) if cast is None else packed(await cast.images())


async def decoder(request: Request) -> Response:
    """The decoder at a step: the one on offer, or of a recorded frame."""
    cast = cast_of(request)
    found = None if cast is None else await cast.decoder(request.path_params["step"])
    return Response(status_code=404) if found is None else packed(found)


def cast_of(request: Request) -> Broadcast | None:
    """The messages of the room that a request names, if the run that it means is still on show."""
    try:
        room = classroom().find(
            request.path_params["code"], address_of(request), request.query_params.get("viewer", ""), recall=False
        )
    except RoomError:
        return None
    cast = broadcasts().get(room.code)
    return cast if cast and cast.take == request.path_params["take"] else None


def packed(message: bytes) -> Response:
    """An answer that browsers keep."""
    return Response(message, media_type="application/x-noise-lab", headers=KEPT)  # a type that is not zipped again


def routes() -> list[Route | WebSocketRoute]:
    """For `st.App`."""
    room = served(f"{LAB}/room/{{code}}")
    return [
        WebSocketRoute(room, watch),
        Route(f"{room}/images/{{take:int}}", images),
        Route(f"{room}/decoder/{{take:int}}/{{step:int}}", decoder),
    ]
