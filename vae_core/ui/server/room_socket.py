"""The routes of rooms: the stream to those who watch, and what they fetch when they need it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vae_core.engine.rooms import Classroom, Room, RoomError
from vae_core.ui.server.broadcast import Broadcast
from vae_core.ui.server.socket import PREFIX, Channel, Malformed, same_origin, turn_away
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.session import RUN, owner

SCRUB_EVERY = 0.1  # seconds between two recorded frames to one viewer
STEERING = ("play", "pause", "step", "epoch", "reset", "speed", "switch", "look", "fork")
KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
ENDED = "The presenter has closed this room."


@st.cache_resource(show_spinner=False)
def classroom() -> Classroom:
    """All rooms of this server."""
    return Classroom()


@st.cache_resource(show_spinner=False)
def broadcasts() -> dict[str, Broadcast]:
    """Code -> the messages of a room that somebody watches."""
    return {}


def socket_of(room: Room) -> str:
    return f"{PREFIX}/room/{room.code}"


def fork_for_tab(room: Room, step: int) -> None:
    """Give the tab a run of its own, from a frame of the run on show; that one trains on.

    Raises:
        LaneError: the worker is lost.
    """
    st.session_state[RUN], st.session_state["complaint"] = engine().fork(room.run, step, owner=owner()).id, None


def address_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


async def watch(socket: WebSocket) -> None:
    """The stream of one room to one viewer."""
    if not same_origin(socket):
        await socket.close(1008)
        return
    viewer = socket.query_params.get("viewer", "")[:64]
    try:
        room = classroom().find(socket.path_params["code"], address_of(socket), viewer)
        leave = room.watch(viewer)
    except RoomError as error:
        await turn_away(socket, type="ended", text=str(error), again=True)
        return
    try:
        await socket.accept()
        await Watching(socket, room, viewer).serve()
    finally:
        leave()


class Watching(Channel):
    """One viewer of a room. It scrubs the past on its own, votes, and cannot steer."""

    commands = {
        "frame": ("step",),
        "follow": ("value",),
        "vote": ("poll", "option"),
        **dict.fromkeys(STEERING, ()),
    }

    def __init__(self, socket: WebSocket, room: Room, viewer: str) -> None:
        super().__init__(socket)
        self.room, self.viewer = room, viewer
        self.broadcast = broadcasts().get(room.code) or Broadcast(room)
        broadcasts()[room.code] = self.broadcast
        self.following, self.take = True, 0
        self.sent: dict[str, bytes | None] = {}
        self.scrub_at = 0.0

    def attend(self) -> Callable[[], None]:
        def leave() -> None:
            self.broadcast.leave(self.news)
            if not self.broadcast.watched and broadcasts().get(self.room.code) is self.broadcast:
                del broadcasts()[self.room.code]

        self.broadcast.enter(self.news)
        return leave

    async def greet(self) -> None:
        await self.broadcast.opened()
        if (poll := self.room.poll) and self.viewer in poll.votes:
            await self.say({"type": "voted", "poll": poll.id, "option": poll.votes[self.viewer]})

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
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
            for name in ("state", "poll", "exact", "frame")[: 4 if self.following else 2]:
                message = getattr(cast, name)
                if message is not None and message is not self.sent.get(name):
                    self.sent[name] = message
                    await self.send(message)
        await self.say({"type": "ended", "text": ENDED})
        await self.socket.close()

    async def answer(self, command: dict[str, Any]) -> None:
        do = command["do"]
        if do == "frame":
            await asyncio.sleep(max(0.0, self.scrub_at - self.loop.time()))
            self.scrub_at = self.loop.time() + SCRUB_EVERY
            await self.send(*await self.broadcast.recorded(command["step"]))
        elif do == "follow":
            self.following = bool(command["value"])
            self.sent.pop("frame", None), self.sent.pop("exact", None)
            self.news.set()
        elif do == "vote":
            try:
                self.room.vote(self.viewer, command["poll"], command["option"])
            except RoomError as error:
                raise Malformed(str(error)) from None
            await self.say({"type": "voted", "poll": command["poll"], "option": command["option"]})
        else:
            raise Malformed("Only the presenter steers this run. Fork it to have a run of your own.")


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
            request.path_params["code"], address_of(request), request.query_params.get("viewer", "")
        )
    except RoomError:
        return None
    cast = broadcasts().get(room.code)
    return cast if cast and cast.take == request.path_params["take"] else None


def packed(message: bytes) -> Response:
    return Response(message, media_type="application/x-noise-lab", headers=KEPT)  # a type that is not zipped again


def routes() -> list[Route | WebSocketRoute]:
    """For `st.App`."""
    room = f"{PREFIX}/room/{{code}}"
    return [
        WebSocketRoute(room, watch),
        Route(f"{room}/images/{{take:int}}", images),
        Route(f"{room}/decoder/{{take:int}}/{{step:int}}", decoder),
    ]
