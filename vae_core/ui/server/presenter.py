"""The presenter's end of a room: commands and news on the stream of the run that is shown."""

import asyncio
import socket as network
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import segno
import streamlit as st
from starlette.websockets import WebSocket

from vae_core.engine.player import LiveRun
from vae_core.engine.rooms import Room, RoomError
from vae_core.teaching.lessons.questions import questions
from vae_core.ui.server.admin import is_token
from vae_core.ui.server.room_socket import classroom
from vae_core.ui.server.socket import Channel, Malformed
from vae_core.ui.server.state import engine

REPORT_EVERY = 0.4  # seconds between two reports
PRESENTING = {
    "share": (),
    "present": ("token",),
    "unshare": (),
    "ask": ("options",),
    "stop_poll": ("show",),
    "clear_poll": (),
}


class Presenter:
    """The presenter's end of a room, on the stream of the run that is shown.

    Args:
        moved: is called with the room's run if the browser should show that one instead of its own.
    """

    def __init__(self, channel: Channel, run: LiveRun, moved: Callable[[LiveRun], Coroutine[Any, Any, None]]) -> None:
        self.channel, self.run, self.moved = channel, run, moved
        self.room: Room | None = None
        self.news = asyncio.Event()
        self._leave: Callable[[], None] = lambda: None

    def leave(self) -> None:
        self._leave()

    async def answer(self, command: dict[str, Any]) -> None:
        """Carry out one of `PRESENTING`.

        Raises:
            Malformed: it cannot be.
        """
        do, room = command["do"], self.room
        try:
            if do == "share":
                await self._share(command.get("admin", ""))
            elif do == "present":
                await self._present(command["token"], command.get("fresh", False))
            elif room is None:
                raise Malformed("Share the run with the class first.")
            elif do == "unshare":
                classroom().close(room)
            elif do == "ask":
                await self._ask(room, command)
            elif do == "stop_poll":
                room.stop_poll(command["show"])
            else:
                room.clear_poll()
        except RoomError as error:
            raise Malformed(str(error)) from None

    async def _share(self, admin: str) -> None:
        """Open a room for the run."""
        if engine().limits.open_rooms == "admin" and not is_token(admin):
            wrong = "This is not the admin token. " if admin else ""
            await self.channel.say(
                {"type": "room", "asks": f"{wrong}On this server only who has the admin token opens rooms."}
            )
            return
        self._take(classroom().open(self.run))
        await self._tell_room()

    async def _present(self, token: str, fresh: bool) -> None:
        """A browser that has a room comes with another run, or comes back. A page that was loaded again has a new run
        of the same recipe: it gets the one that the class sees."""
        room = classroom().of_token(token)
        if room is None:
            await self.channel.say({"type": "room", "gone": True})
            return
        shown = room.run
        if fresh and shown is not self.run and shown.id in engine().runs and same_start(shown, self.run):
            await self.moved(shown)
            return
        self._take(room)
        room.show(self.run)
        await self._tell_room()

    async def _ask(self, room: Room, command: dict[str, Any]) -> None:
        name = command.get("lesson")
        if name is None:
            room.ask(command.get("question", ""), command["options"])
        elif (question := questions().get(name)) is not None:
            room.ask(question.text, question.options, html=True)
        else:
            raise Malformed(f"There is no lesson {name!r:.40} with a question to choose from.")

    def _take(self, room: Room) -> None:
        """Be the presenter of a room."""
        self._leave()
        self.room = room
        enough = (room.present(), room.listen(lambda: self.channel.loop.call_soon_threadsafe(self.news.set)))
        self._leave = lambda: [end() for end in enough]
        self.news.set()

    async def _tell_room(self) -> None:
        """What stays as it is while the room is open."""
        room = self.room
        link, note = join_link(self.channel.socket, room.code)
        qr = segno.make(link, micro=False).svg_inline(omitsize=True, border=2, dark="#000", light="#fff")
        asked = [{"name": name, "title": question.title} for name, question in questions().items()]
        about = {"code": room.code, "token": room.token, "link": link, "note": note, "qr": qr, "questions": asked}
        await self.channel.say({"type": "room", **about})

    async def report(self) -> None:
        """Tell the presenter how many watch, and how they vote."""
        while True:
            await self.news.wait()
            self.news.clear()
            room = self.room
            if room.ended:
                await self.channel.say({"type": "room", "gone": True})
            else:
                poll = room.poll and room.poll.state(counted=True)
                await self.channel.say({"type": "class", "watching": room.watching, "poll": poll})
            await asyncio.sleep(REPORT_EVERY)


def same_start(one: LiveRun, other: LiveRun) -> bool:
    """Whether two runs are of one recipe."""
    return one.record.recipe.model_dump() == other.record.recipe.model_dump()


def join_link(socket: WebSocket, code: str) -> tuple[str, str]:
    """Where students go, and a sentence about it if the presenter's own address is of no use to them."""
    host = socket.headers.get("host", "localhost")
    origin = urlsplit(socket.headers.get("origin") or f"http://{host}")
    note = ""
    if is_loopback(origin.hostname or ""):
        bound = st.get_option("server.address")
        if bound and is_loopback(bound):
            note = (
                "This server answers this machine alone. For students to reach it, start it again with "
                "--server.address 0.0.0.0, and open it at the machine's own address."
            )
        elif own := own_address():
            port = f":{origin.port}" if origin.port else ""
            origin = origin._replace(netloc=f"{own}{port}")
            note = "You opened the app at localhost, which means this machine alone; students use the machine's own address."
        else:
            note = (
                "You opened the app at localhost, which means this machine alone; "
                "students need the machine's own address in its place."
            )
    return urlunsplit((origin.scheme, origin.netloc, "/join", f"code={code}", "")), note


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def own_address() -> str | None:
    """This machine's address in its network: the one that it would speak from to another network."""
    with network.socket(network.AF_INET, network.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of a documentation network (RFC 5737); nothing is sent
        except OSError:
            return None
        return probe.getsockname()[0]
