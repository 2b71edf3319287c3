"""The live stream of a comparison: each browser gets all columns of a step at once, and only those that changed."""

import asyncio
import json
import time

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from vae_core.frame import PackedFrame
from vae_core.lane import LaneError
from vae_core.lockstep import Lockstep
from vae_core.ui.comparison import comparisons
from vae_core.ui.keeper import engine
from vae_core.ui.stream import PREFIX, STATE_EVERY, images_of, same_origin

STEERING = {"play", "pause", "step", "reset", "speed", "switch", "look"}


async def live(socket: WebSocket) -> None:
    """The stream of one comparison to one browser."""
    lockstep = comparisons().get(socket.path_params["comparison"])
    if lockstep is None or not same_origin(socket):
        await socket.close(1008)
        return
    await socket.accept()
    await Viewer(socket, lockstep).serve()


class Viewer:
    """One browser that watches, and steers, a comparison. It acknowledges each frame that it has taken."""

    def __init__(self, socket: WebSocket, lockstep: Lockstep) -> None:
        self.socket, self.lockstep = socket, lockstep
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.steering: asyncio.Queue[dict] = asyncio.Queue()
        self.state_due, self.greeting_due, self.following = True, True, True
        self.stated_at = 0.0
        self.sent: list[PackedFrame | None] = []
        self.outstanding = 0  # frames that were sent and not acknowledged yet
        self.sending = asyncio.Lock()

    async def serve(self) -> None:
        leave = self.lockstep.watch(lambda what: self.loop.call_soon_threadsafe(self._notice, what))
        await asyncio.to_thread(engine().rules)
        tasks = [asyncio.create_task(task) for task in (self._listen(), self._send_news(), self._steer())]
        self.news.set()
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leave()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                gone = (WebSocketDisconnect, asyncio.CancelledError, RuntimeError, type(None))
                if not isinstance(result, gone):
                    raise result

    def _notice(self, what: str) -> None:
        self.state_due |= what != "frame"
        self.greeting_due |= what == "reset"
        self.news.set()

    async def _greet(self) -> None:
        """What is fixed for the runs, and their past; again after a reset."""
        members = self.lockstep.members
        self.sent = [None] * len(members)
        columns = [{name: run.info[name] for name in ("classes", "recipe")} for run in members]
        hello = {"type": "hello", "rules": engine().rules(), "question": self.lockstep.question, "columns": columns}
        history = {"type": "history", "columns": [run.record.columns() for run in members]}
        self.outstanding += 1  # the probe is acknowledged like a frame
        await self._send(
            json.dumps({**hello, "images": images_of(members[0])}),
            members[0].probe,
            json.dumps(history, allow_nan=False),
        )
        if self.lockstep.fresh:
            self.lockstep.fresh = False
            self.lockstep.play()

    async def _send_news(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            if self.greeting_due:
                self.greeting_due = False
                await self._greet()
            if self.state_due or time.monotonic() - self.stated_at > STATE_EVERY:
                self.state_due, self.stated_at = False, time.monotonic()
                await self._send(json.dumps(self.lockstep.state(), allow_nan=False))
            if self.following and not self.outstanding:
                await self._send_round(self.lockstep.frames())

    async def _send_round(self, frames: list[PackedFrame], recorded: bool = False) -> None:
        """The frames that differ from those sent last, without another message between them."""
        changed = [
            place for place, (frame, last) in enumerate(zip(frames, self.sent, strict=True)) if frame is not last
        ]
        if not changed and not recorded:
            return
        self.sent = frames
        self.outstanding += len(changed)
        head = json.dumps({"type": "round", "columns": changed, "past": recorded})
        await self._send(head, *(frames[place].view for place in changed))

    async def _listen(self) -> None:
        """Answer at once what concerns this viewer alone; line up what steers the runs."""
        while True:
            command = json.loads(await self.socket.receive_text())
            do = command.get("do")
            if do in STEERING:
                self.steering.put_nowait(command)
            elif do == "ack":
                self.outstanding = max(0, self.outstanding - 1)
                self.news.set()
            elif do == "follow":
                self.following = bool(command["value"])
                self.news.set()
            elif do == "frame":
                await self._send_round(self.lockstep.frames(int(command["step"])), recorded=True)

    async def _steer(self) -> None:
        """One after the other, in a thread (they wait for the lane); of a dragged slider's many
        positions only the newest counts."""
        while True:
            command = await self.steering.get()
            while command["do"] == "switch" and not self.steering.empty():
                following = self.steering.get_nowait()
                if (
                    following["do"] == "switch"
                    and following.get("column") == command.get("column")
                    and "rule" not in following
                ):
                    command = {
                        **command,
                        **following,
                        "knobs": {**command.get("knobs", {}), **following.get("knobs", {})},
                    }
                else:
                    await asyncio.to_thread(self._do, command)
                    command = following
            await asyncio.to_thread(self._do, command)

    def _do(self, command: dict) -> None:
        lockstep, do = self.lockstep, command["do"]
        try:
            if do == "switch":
                settings = {name: command[name] for name in ("rule", "noise", "knobs") if name in command}
                lockstep.switch(command.get("column"), **settings)
            elif do == "look":
                lockstep.look(command["index"])
            elif do == "speed":
                lockstep.set_speed(command["value"])
            elif do == "step":
                lockstep.step(int(command.get("steps", 1)))
            else:
                getattr(lockstep, do)()
        except LaneError as error:
            lockstep.complain(str(error))

    async def _send(self, *messages: str | bytes) -> None:
        """Send messages without another one between them."""
        async with self.sending:
            for message in messages:
                send = self.socket.send_text if isinstance(message, str) else self.socket.send_bytes
                await send(message)


def routes() -> list[WebSocketRoute]:
    """For `st.App`."""
    return [WebSocketRoute(f"{PREFIX}/compare/{{comparison}}", live)]
