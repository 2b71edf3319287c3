"""The live stream of a comparison: each browser gets all columns of a step at once, and only those that changed."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from vae_core.engine.lockstep import Lockstep
from vae_core.run.frame import PackedFrame
from vae_core.ui.server.run_socket import STATE_EVERY, images_of
from vae_core.ui.server.socket import PREFIX, Channel, Malformed, Steering, same_origin, turn_away
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.comparison import comparisons
from vae_core.workers.errors import LaneError

STEERING = {
    "play": (), "pause": (), "step": (), "reset": (), "speed": ("value",), "switch": (), "look": ("index",)
}  # fmt: skip


async def live(socket: WebSocket) -> None:
    """The stream of one comparison to one browser. If it is not here (any more), the browser asks its page for another."""
    if not same_origin(socket):
        await socket.close(1008)
        return
    lockstep = comparisons().get(socket.path_params["comparison"])
    if lockstep is None:
        await turn_away(socket, type="gone")
        return
    await socket.accept()
    await Viewer(socket, lockstep).serve()


class Viewer(Channel):
    """One browser that watches, and steers, a comparison."""

    commands = {"frame": ("step",), "follow": ("value",), **STEERING}

    def __init__(self, socket: WebSocket, lockstep: Lockstep) -> None:
        super().__init__(socket)
        self.lockstep = lockstep
        self.steering = Steering(self, self._do)
        self.state_due, self.greeting_due, self.following = True, True, True
        self.stated_at = 0.0
        self.sent: list[PackedFrame | None] = []

    def attend(self) -> Callable[[], None]:
        return self.lockstep.watch(self._notice)

    async def greet(self) -> None:
        await asyncio.to_thread(engine().rules)  # described once, then at hand

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        return [self._send_news(), self.steering.work()]

    def _notice(self, what: str) -> None:
        self.state_due |= what != "frame"
        self.greeting_due |= what == "reset"
        self.wake()

    async def _introduce(self) -> None:
        """What is fixed for the runs, and their past; again after a reset."""
        members = self.lockstep.members
        self.sent = [None] * len(members)
        columns = [{name: run.info[name] for name in ("classes", "recipe")} for run in members]
        hello = {"type": "hello", "rules": engine().rules(), "question": self.lockstep.question, "columns": columns}
        history = {"type": "history", "columns": [run.record.columns() for run in members]}
        await self.send(
            json.dumps({**hello, "images": images_of(members[0])}),
            members[0].probe,
            json.dumps(history, allow_nan=False),
        )
        if self.lockstep.autoplay:
            self.lockstep.autoplay = False
            self.lockstep.play()

    async def _send_news(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            if self.greeting_due:
                self.greeting_due = False
                await self._introduce()
            if self.state_due or time.monotonic() - self.stated_at > STATE_EVERY:
                self.state_due, self.stated_at = False, time.monotonic()
                await self.say(self.lockstep.state())
            if self.following and self.ready:
                await self._send_round(self.lockstep.frames())

    async def _send_round(self, frames: list[PackedFrame], recorded: bool = False) -> None:
        """The frames that differ from those sent last, without another message between them."""
        changed = [
            place for place, (frame, last) in enumerate(zip(frames, self.sent, strict=True)) if frame is not last
        ]
        if not changed and not recorded:
            return
        self.sent = frames
        head = json.dumps({"type": "round", "columns": changed, "past": recorded})
        await self.send(head, *(frames[place].view for place in changed))

    async def answer(self, command: dict[str, Any]) -> None:
        """Answer at once what concerns this viewer alone; line up what steers the runs."""
        do = command["do"]
        if not 0 <= command.get("column", 0) < len(self.lockstep.members):
            raise Malformed(f"There is no column {command['column']}.")
        if do in STEERING:
            self.steering.put(command)
        elif do == "follow":
            self.following = bool(command["value"])
            self.news.set()
        else:
            await self._send_round(self.lockstep.frames(command["step"]), recorded=True)

    def _do(self, command: dict[str, Any]) -> None:
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
                lockstep.step(command.get("steps", 1))
            else:
                getattr(lockstep, do)()
        except LaneError as error:
            lockstep.complain(str(error))


def routes() -> list[WebSocketRoute]:
    """For `st.App`."""
    return [WebSocketRoute(f"{PREFIX}/compare/{{comparison}}", live)]
