"""The presenter's part of a room: commands and news on the socket of the run that is shown."""

import asyncio
import socket as network
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import segno
import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.engine.rooms import Room, RoomError
from vae_core.teaching.lessons.questions import questions
from vae_core.ui.server import messages
from vae_core.ui.server.address import is_root
from vae_core.ui.server.admin import is_loopback, is_token
from vae_core.ui.server.room_replies import Class, Poll, Question, RoomAsks, RoomGone, RoomOpened
from vae_core.ui.server.socket import BrowserSocket
from vae_core.ui.server.state import classroom, engine

REPORT_EVERY = 0.4  # seconds between two reports


class Presenter:
    """The presenter's part of a room, on the socket of the run that is shown.

    Args:
        moved: is called with the room's run if the browser should show that one instead of its own.
    """

    def __init__(
        self, socket: BrowserSocket[Any], run: LiveRun, moved: Callable[[LiveRun], Coroutine[Any, Any, None]]
    ) -> None:
        self.socket, self.run, self.moved = socket, run, moved
        self.room: Room | None = None
        self.news = asyncio.Event()
        self._leave: Callable[[], None] = lambda: None

    def leave(self) -> None:
        """The browser is gone."""
        self._leave()

    async def answer(self, command: messages.Presenting) -> None:
        """Carry out a command.

        Raises:
            Malformed: it cannot be.
        """
        try:
            if isinstance(command, messages.Share):
                await self._share(command.admin, command.root)
            elif isinstance(command, messages.Present):
                await self._present(command.token, command.fresh, command.root)
            elif self.room is None:
                raise messages.Malformed("Share the run with the class first.")
            else:
                self._direct(self.room, command)
        except RoomError as error:
            raise messages.Malformed(str(error)) from None

    def _direct(self, room: Room, command: messages.Presenting) -> None:
        match command:
            case messages.Unshare():
                classroom().close(room)
            case messages.Ask(lesson=None):
                room.ask(command.question, command.options)
            case messages.Ask(lesson=str(name)):
                if (question := questions().get(name)) is None:
                    raise messages.Malformed(f"There is no lesson {name!r:.40} with a question to choose from.")
                room.ask(question.text, question.options, html=True)
            case messages.StopPoll(show=show):
                room.stop_poll(show)
            case messages.ClearPoll():
                room.clear_poll()

    async def _share(self, admin: str, root: str) -> None:
        """Open a room for the run."""
        if engine().limits.open_rooms == "admin" and not is_token(admin):
            wrong = "This is not the admin token. " if admin else ""
            asks = f"{wrong}On this server only who has the admin token opens rooms."
            await self.socket.say(RoomAsks(type="room", asks=asks))
            return
        room = classroom().open(self.run)
        self._take(room)
        await self._tell(room, root)

    async def _present(self, token: str, fresh: bool, root: str) -> None:
        """A browser that has a room comes with another run, or comes back. A page that was loaded again has a new run
        of the same recipe: it gets the one that the class sees."""
        room = await asyncio.to_thread(classroom().of_token, token)
        if room is None:
            await self.socket.say(RoomGone(type="room", gone=True))
            return
        shown = room.run
        if fresh and shown is not self.run and shown.id in engine().runs and same_start(shown, self.run):
            await self.moved(shown)
            return
        self._take(room)
        room.show(self.run)
        await self._tell(room, root)

    def _take(self, room: Room) -> None:
        """Be the presenter of a room."""
        self._leave()
        self.room = room
        absent, deaf = room.present(), room.listen(self._notice)

        def leave() -> None:
            absent()
            deaf()

        self._leave = leave
        self.news.set()

    def _notice(self) -> None:
        self.socket.loop.call_soon_threadsafe(self.news.set)

    async def _tell(self, room: Room, root: str) -> None:
        """What stays as it is while the room is open."""
        link, note = join_link(self.socket.socket.headers, room.code, root)
        qr = segno.make(link, micro=False).svg_inline(omitsize=True, border=2, dark="#000", light="#fff")
        asked = [Question(name=name, title=question.title) for name, question in questions().items()]
        about = RoomOpened(type="room", code=room.code, token=room.token, link=link, note=note, qr=qr, questions=asked)
        await self.socket.say(about)

    async def report(self) -> None:
        """Tell the presenter how many watch, and how they vote."""
        while True:
            await self.news.wait()
            self.news.clear()
            room = self.room
            if room is None or room.ended:
                await self.socket.say(RoomGone(type="room", gone=True))
            else:
                poll = cast(Poll, room.poll.state(counted=True)) if room.poll else None  # that is what it states
                await self.socket.say(Class(type="class", watching=room.watching, poll=poll))
            await asyncio.sleep(REPORT_EVERY)


def same_start(one: LiveRun, other: LiveRun) -> bool:
    """Whether two runs are of one recipe."""
    return one.record.recipe.model_dump() == other.record.recipe.model_dump()


def join_link(headers: Mapping[str, str], code: str, root: str = "/") -> tuple[str, str]:
    """Where students go, and a sentence about it if the presenter's own address is of no use to them.

    Args:
        headers: of the presenter's socket; a browser names its page there, whatever a proxy does to the host.
        root: the path of the app's root, as the browser has it; the server may never hear of it.
    """
    host = headers.get("host", "localhost")
    origin = urlsplit(headers.get("origin") or f"http://{host}")
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
            note = (
                "You opened the app at localhost, which means this machine alone; "
                "students use the machine's own address."
            )
        else:
            note = (
                "You opened the app at localhost, which means this machine alone; "
                "students need the machine's own address in its place."
            )
    return urlunsplit((origin.scheme, origin.netloc, f"{root if is_root(root) else '/'}join", f"code={code}", "")), note


def own_address() -> str | None:
    """This machine's address in its network: the one that it would speak from to another network."""
    with network.socket(network.AF_INET, network.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of a documentation network (RFC 5737); nothing is sent
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address
