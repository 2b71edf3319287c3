"""Routes beside Streamlit's: the live stream of a run, its images, and the component's files.

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
from vae_core.ui.server.files import FILES, KeptFiles, compressed
from vae_core.ui.server.presenter import PRESENTING, Presenter
from vae_core.ui.server.socket import PREFIX, Channel, Steering, same_origin, turn_away
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.session import early_runs
from vae_core.workers.errors import LaneError

STATE_EVERY = 1.0  # seconds, while frames come
STEERING = {
    "play": (), "pause": (), "step": (), "epoch": (), "reset": (),
    "speed": ("value",), "switch": (), "look": ("index",), "fork": ("step",),
}  # fmt: skip


def socket_of(run: LiveRun) -> str:
    return f"{PREFIX}/live/{run.id}"


def images_of(run: LiveRun) -> str:
    return f"{PREFIX}/images/{run.id}"


async def images(request: Request) -> Response:
    """The images of a run's points, packed."""
    run = await asyncio.to_thread(engine().recall, request.path_params["run"])
    if run is None:
        return Response(status_code=404)
    kept = {"Cache-Control": "private, max-age=3600"}
    return await asyncio.to_thread(compressed, request, run.images, "application/x-noise-lab", kept)


async def live(socket: WebSocket) -> None:
    """The stream of one run to one browser. If the run is not here (any more), the browser asks its page for another."""
    if not same_origin(socket):
        await socket.close(1008)
        return
    run = await asyncio.to_thread(engine().recall, socket.path_params["run"])  # of a server that was started again, too
    if run is None:
        await turn_away(socket, type="gone")
        return
    await socket.accept()
    await Viewer(socket, run).serve()


async def early(socket: WebSocket) -> None:
    """The stream of the run of a page's link, before the page's session has begun. If there is anything to say about
    the link, that is left to the session."""
    if not same_origin(socket):
        await socket.close(1008)
        return
    token, query = socket.path_params["token"], socket.query_params
    asked = {name: query.getlist(name) for name in query}
    try:
        run = await asyncio.to_thread(early_runs().open, token, asked, socket.cookies)
        if run is None:
            await turn_away(socket, type="gone")
            return
        await socket.accept()
        await socket.send_text(json.dumps({**to(run), "type": "opened"}))
        await Viewer(socket, run).serve()
    finally:
        early_runs().forget(token)


class Viewer(Channel):
    """One browser that watches, and steers, one run; and shows it to a class, if it has opened a room."""

    commands = {"frame": ("step",), "follow": ("value",), "decoder": ("step",), **STEERING, **PRESENTING}

    def __init__(self, socket: WebSocket, run: LiveRun) -> None:
        super().__init__(socket)
        self.run = run
        self.steering = Steering(self, self._do)
        self.presenter = Presenter(self, run, self._move)
        self.state_due, self.following = True, True
        self.sent = self.preview = None  # the frame and the preview that were sent last
        self.measured = None  # the exact measures that were sent last
        self.settings: list[Any] = []  # rule, noise and knobs that were stated last: the controls follow the frames
        self.stated_at = 0.0

    def attend(self) -> Callable[[], None]:
        leave = self.run.watch(self._notice, exact=True, closely=True)

        def leave_both() -> None:
            leave()
            self.presenter.leave()

        return leave_both

    async def greet(self) -> None:
        run = self.run
        rules = await asyncio.to_thread(engine().rules)
        await self.say({"type": "hello", "rules": rules, **run.info})
        await self.send(run.probe)
        past = {"kept": list(run.record.steps), "events": run.record.marks(), "measured": run.measures.columns()}
        await self.say({"type": "history", **run.record.columns(), **past})
        self._outstanding = 0  # the first frame need not wait until the probe is taken, which is a few kB
        if run.autoplay:
            run.autoplay = False
            run.play()

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
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
            if self.following and self.ready and preview is not None and preview is not self.preview:
                self.preview = preview
                await self.send(preview)
            measured = self.run.measures.newest
            if self.following and measured is not self.measured:
                self.measured = measured
                await self.send(measured)

    async def answer(self, command: dict[str, Any]) -> None:
        """Answer at once what concerns this viewer alone; line up what steers the run."""
        do = command["do"]
        if do in STEERING:
            self.steering.put(command)
        elif do in PRESENTING:
            await self.presenter.answer(command)
        elif do == "follow":
            self.following = bool(command["value"])
            self.sent = self.measured = None
            self.news.set()
        elif do == "frame":
            recorded = self.run.record.packed(command["step"])
            measured = self.run.measures.at(recorded.step)
            messages = json.dumps({"type": "recorded", "step": recorded.step}), recorded.view, measured
            await self.send(*filter(None, messages))
        else:
            await self.send(self.run.record.packed(command["step"]).decoder)

    def _do(self, command: dict[str, Any]) -> dict[str, Any] | None:
        """Carry out a command; where the browser goes from here, if it makes a new run."""
        run, do, moved = self.run, command["do"], None
        settings = {name: command[name] for name in ("rule", "noise", "knobs") if name in command}
        try:
            if do == "switch":
                run.switch(**settings)
            elif do == "look":
                run.look(command["index"])
            elif do == "speed":
                run.set_speed(command["value"])
            elif do == "reset":
                moved = engine().restart(run)
            elif do == "fork":
                moved = engine().fork(run, command["step"], **settings)
            else:
                getattr(run, do)()
        except LaneError as error:
            run.complain(str(error))
        if moved and self.presenter.room:
            self.presenter.room.show(moved)
        return moved and to(moved)

    async def _move(self, run: LiveRun) -> None:
        await self.say(to(run))


def to(run: LiveRun) -> dict[str, Any]:
    """A message that sends a browser to another run."""
    return {"type": "moved", "socket": socket_of(run), "images": images_of(run)}


def routes() -> list[Mount | Route | WebSocketRoute]:
    """For `st.App`."""
    return [
        WebSocketRoute(f"{PREFIX}/live/{{run}}", live),
        WebSocketRoute(f"{PREFIX}/early/{{token}}", early),
        Route(f"{PREFIX}/images/{{run}}", images),
        Mount(f"{PREFIX}/static/{{version}}", KeptFiles(directory=FILES)),
    ]
