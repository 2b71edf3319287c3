"""Routes beside Streamlit's: the live stream of a run, its images, and the component's files.

A frame is packed once for all who watch; each browser acknowledges what it has drawn and then
gets the newest, so that a slow one skips frames and never falls behind.
"""

import asyncio
import hashlib
import json
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from vae_core.lane import LaneError
from vae_core.live import LiveRun
from vae_core.ui.keeper import engine

PREFIX = "/noise-lab"
FILES = Path(__file__).parent / "live"
STATE_EVERY = 1.0  # seconds, while frames come
STEERING = {"play", "pause", "step", "epoch", "reset", "speed", "switch", "look", "fork"}


@cache
def assets() -> str:
    """Address of the component's files; it changes with their contents, so browsers may keep them."""
    digest = hashlib.sha256()
    for path in sorted(FILES.iterdir()):
        digest.update(path.read_bytes())
    return f"{PREFIX}/static/{digest.hexdigest()[:12]}"


def socket_of(run: LiveRun) -> str:
    return f"{PREFIX}/live/{run.id}"


def images_of(run: LiveRun) -> str:
    return f"{PREFIX}/images/{run.id}"


class KeptFiles(StaticFiles):
    """The files below any version's address, kept by browsers for ever."""

    def file_response(self, *args, **kwargs) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def images(request: Request) -> Response:
    """The images of a run's points, packed."""
    run = engine().runs.get(request.path_params["run"])
    if run is None:
        return Response(status_code=404)
    return Response(
        run.images, media_type="application/x-noise-lab", headers={"Cache-Control": "private, max-age=3600"}
    )


async def live(socket: WebSocket) -> None:
    """The stream of one run to one browser."""
    run = engine().runs.get(socket.path_params["run"])
    if run is None or not same_origin(socket):
        await socket.close(1008)
        return
    await socket.accept()
    await Viewer(socket, run).serve()


def same_origin(socket: WebSocket) -> bool:
    """Browsers name the page that opens a socket; only pages of this server may."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


class Viewer:
    """One browser that watches, and steers, one run."""

    def __init__(self, socket: WebSocket, run: LiveRun) -> None:
        self.socket, self.run = socket, run
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.steering: asyncio.Queue[dict] = asyncio.Queue()
        self.state_due, self.following, self.acknowledged = True, True, True
        self.sent = None  # the frame that was sent last
        self.measured = None  # the exact measures that were sent last
        self.stated_at = 0.0
        self.sending = asyncio.Lock()

    async def serve(self) -> None:
        leave = self.run.watch(lambda what: self.loop.call_soon_threadsafe(self._notice, what), exact=True)
        tasks = []
        try:
            await self._greet()
            tasks = [asyncio.create_task(t) for t in (self._listen(), self._send_news(), self._steer())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the browser left while it was greeted
        finally:
            leave()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                gone = (WebSocketDisconnect, asyncio.CancelledError, RuntimeError, type(None))
                if not isinstance(result, gone):
                    raise result

    async def _greet(self) -> None:
        run = self.run
        rules = await asyncio.to_thread(engine().rules)
        await self._text({"type": "hello", "rules": rules, **run.info})
        await self._send(run.probe)
        await self._text({"type": "history", **run.record.columns(), **self._timeline()})
        if run.fresh:
            run.fresh = False
            run.play()
        self.news.set()

    def _timeline(self) -> dict:
        run = self.run
        return {"kept": list(run.record.steps), "events": run.record.marks(), "measured": run.gauge.columns()}

    def _notice(self, what: str) -> None:
        self.state_due |= what == "state"
        self.news.set()

    async def _send_news(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            if self.state_due or time.monotonic() - self.stated_at > STATE_EVERY:
                self.state_due, self.stated_at = False, time.monotonic()
                await self._text(self.run.state())
            newest = self.run.newest
            if self.following and self.acknowledged and newest is not self.sent:
                self.sent, self.acknowledged = newest, False
                await self._send(newest.view)
            measured = self.run.gauge.newest
            if self.following and measured is not self.measured:
                self.measured = measured
                await self._send(measured)

    async def _listen(self) -> None:
        """Answer at once what concerns this viewer alone; line up what steers the run."""
        while True:
            command = json.loads(await self.socket.receive_text())
            do = command.get("do")
            if do in STEERING:
                self.steering.put_nowait(command)
            elif do == "ack":
                self.acknowledged = True
                self.news.set()
            elif do == "follow":
                self.following = bool(command["value"])
                self.acknowledged, self.sent, self.measured = True, None, None
                self.news.set()
            elif do == "frame":
                recorded = self.run.record.packed(int(command["step"]))
                measured = self.run.gauge.at(recorded.step)
                messages = json.dumps({"type": "recorded", "step": recorded.step}), recorded.view, measured
                await self._send(*filter(None, messages))
            elif do == "decoder":
                await self._send(self.run.record.packed(int(command["step"])).decoder)

    async def _steer(self) -> None:
        """One after the other, in a thread (they wait for the lane); of a dragged slider's many
        positions only the newest counts."""
        while True:
            command = await self.steering.get()
            while command["do"] == "switch" and not self.steering.empty():
                following = self.steering.get_nowait()
                if following["do"] == "switch" and "rule" not in following:
                    knobs = {**command.get("knobs", {}), **following.get("knobs", {})}
                    command = {**command, **following, "knobs": knobs}
                else:
                    await asyncio.to_thread(self._do, command)
                    command = following
            moved = await asyncio.to_thread(self._do, command)
            if moved:
                await self._text({"type": "moved", "socket": socket_of(moved), "images": images_of(moved)})

    def _do(self, command: dict) -> LiveRun | None:
        """Carry out a command; a new run, if that is what it makes."""
        run, do = self.run, command["do"]
        settings = {name: command[name] for name in ("rule", "noise", "knobs") if name in command}
        try:
            if do == "switch":
                run.switch(**settings)
            elif do == "look":
                run.look(command["index"])
            elif do == "speed":
                run.set_speed(command["value"])
            elif do == "reset":
                return engine().restart(run)
            elif do == "fork":
                return engine().fork(run, int(command["step"]), **settings)
            else:
                getattr(run, do)()
        except LaneError as error:
            run.complain(str(error))
        return None

    async def _text(self, message: dict) -> None:
        await self._send(json.dumps(message, allow_nan=False))

    async def _send(self, *messages: str | bytes) -> None:
        """Send messages without another one between them."""
        async with self.sending:
            for message in messages:
                send = self.socket.send_text if isinstance(message, str) else self.socket.send_bytes
                await send(message)


def routes() -> list[Mount | Route | WebSocketRoute]:
    """For `st.App`."""
    return [
        WebSocketRoute(f"{PREFIX}/live/{{run}}", live),
        Route(f"{PREFIX}/images/{{run}}", images),
        Mount(f"{PREFIX}/static/{{version}}", KeptFiles(directory=FILES)),
    ]
