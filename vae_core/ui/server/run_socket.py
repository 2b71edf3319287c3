"""The socket of a run, its images, and the component's files.

A frame is packed once for all who watch; each browser acknowledges what it has drawn and then
gets the newest, so that a slow one skips frames and never falls behind.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from vae_core.engine.player import LiveRun
from vae_core.run.frame import PackedFrame
from vae_core.ui.server import messages
from vae_core.ui.server.address import LAB, served
from vae_core.ui.server.files import FILES, KeptFiles, compressed
from vae_core.ui.server.presenter import Presenter
from vae_core.ui.server.replies import Gone, Moved, Recorded
from vae_core.ui.server.socket import BrowserSocket, Steering, is_barred, turn_away
from vae_core.ui.server.state import engine
from vae_core.workers.errors import LaneError

STATE_EVERY = 1.0  # seconds, while frames come


def socket_of(run: LiveRun) -> str:
    """The address of a run's socket."""
    return f"{LAB}/live/{run.id}"


def images_of(run: LiveRun) -> str:
    """The address of a run's images."""
    return f"{LAB}/images/{run.id}"


async def images(request: Request) -> Response:
    """The images of a run's points, packed."""
    run = await asyncio.to_thread(engine().recall, request.path_params["run"])
    if run is None:
        return Response(status_code=404)
    kept = {"Cache-Control": "private, max-age=3600"}
    return await asyncio.to_thread(compressed, request, run.images, "application/x-noise-lab", kept)


async def live(socket: WebSocket) -> None:
    """One run to one browser. If the run is not here (any more), the browser asks its page for another."""
    if await is_barred(socket):
        return
    run = await asyncio.to_thread(engine().recall, socket.path_params["run"])  # of a server that was started again, too
    if run is None:
        await turn_away(socket, Gone(type="gone"))
        return
    await socket.accept()
    await RunSocket(socket, run).serve()


class RunSocket(BrowserSocket[messages.RunCommand]):
    """One browser that watches, and steers, one run; and shows it to a class, if it has opened a room."""

    def __init__(self, socket: WebSocket, run: LiveRun) -> None:
        super().__init__(socket, messages.OF_RUN)
        self.run = run
        self.steering = Steering[messages.RunSteering](self, self._do)
        self.presenter = Presenter(self, run, self._move)
        self.state_due, self.following = True, True
        self.sent: PackedFrame | None = None
        self.previewed: bytes | None = None  # the preview that was sent last
        self.measured: bytes | None = None  # the exact measures that were sent last
        self.settings: list[Any] = []  # rule, noise and knobs that were stated last: the controls follow the frames
        self.stated_at = 0.0

    def attend(self) -> Callable[[], None]:
        """Watch the run."""
        leave = self.run.watch(self._notice, exact=True, closely=True)

        def leave_both() -> None:
            leave()
            self.presenter.leave()

        return leave_both

    async def greet(self) -> None:
        """What is fixed for the run, and its past; a new one starts to play."""
        run = self.run
        rules = await asyncio.to_thread(engine().rules)
        await self.say({"type": "hello", "rules": rules, **run.info})
        await self.send(run.probe)
        past = {"kept": list(run.record.steps), "events": run.record.marks(), "measured": run.measures.columns()}
        await self.say({"type": "history", **run.record.columns(), **past})
        self.all_is_taken()  # the first frame need not wait for the probe, which is a few kB
        if run.autoplay:
            run.autoplay = False
            run.play()

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Send what is new, steer, report to the presenter."""
        return [self._send_news(), self.steering.work(), self.presenter.report()]

    def _notice(self, what: str) -> None:
        self.state_due |= what == "state"
        self.wake()

    async def _send_news(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            settings = [self.run.header[name] for name in ("rule", "noise", "knobs")]
            if self.state_due or settings != self.settings or time.monotonic() - self.stated_at > STATE_EVERY:
                self.state_due, self.settings, self.stated_at = False, settings, time.monotonic()
                await self.say(self.run.state())
            newest = self.run.newest
            if self.following and self.ready and newest is not self.sent:
                self.sent = newest
                await self.send(newest.view)
            preview = self.run.preview
            if self.following and self.ready and preview is not None and preview is not self.previewed:
                self.previewed = preview
                await self.send(preview)
            measured = self.run.measures.newest
            if self.following and measured is not None and measured is not self.measured:
                self.measured = measured
                await self.send(measured)

    async def answer(self, command: messages.RunCommand) -> None:
        """Answer at once what concerns this viewer alone; line up what steers the run."""
        match command:
            case messages.Follow(value=following):
                self.following = following
                self.sent = self.measured = None
                self.news.set()
            case messages.Frame(step=step):
                recorded = self.run.record.packed(step)
                measured = self.run.measures.at(recorded.step)
                told = json.dumps(Recorded(type="recorded", step=recorded.step))
                await self.send(told, recorded.view, *([measured] if measured else []))
            case messages.Decoder(step=step):
                await self.send(self.run.record.packed(step).decoder)
            case (
                messages.Share()
                | messages.Present()
                | messages.Unshare()
                | messages.Ask()
                | messages.StopPoll()
                | messages.ClearPoll()
            ):
                await self.presenter.answer(command)
            case messages.Ack() | messages.Ping():
                pass  # answered already
            case _:
                self.steering.put(command)

    def _do(self, command: messages.RunSteering) -> Moved | None:
        """Carry out a command; where the browser goes from here, if it makes a new run."""
        run, moved = self.run, None
        try:
            match command:
                case messages.Switch():
                    run.switch(**command.settings())
                case messages.Look(index=index):
                    run.look(index)
                case messages.Speed(value=value):
                    run.set_speed(value)
                case messages.Reset():
                    moved = engine().restart(run)
                case messages.Fork(step=step):
                    moved = engine().fork(run, step, **command.settings())
                case messages.Play():
                    run.play()
                case messages.Pause():
                    run.pause()
                case messages.Step():
                    run.step()
                case messages.Epoch():
                    run.epoch()
        except LaneError as error:
            run.complain(str(error))
        if moved is None:
            return None
        if self.presenter.room:
            self.presenter.room.show(moved)
        return to(moved)

    async def _move(self, run: LiveRun) -> None:
        await self.say(to(run))


def to(run: LiveRun) -> Moved:
    """A message that sends a browser to another run."""
    return Moved(type="moved", socket=socket_of(run), images=images_of(run))


def routes() -> list[Mount | Route | WebSocketRoute]:
    """For `st.App`."""
    return [
        WebSocketRoute(served(f"{LAB}/live/{{run}}"), live),
        Route(served(f"{LAB}/images/{{run}}"), images),
        Mount(served(f"{LAB}/static/{{version}}"), KeptFiles(directory=FILES)),
    ]
