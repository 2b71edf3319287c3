"""The socket of a comparison: each browser gets all columns of a step at once, and only those that changed."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from vae_core.engine.lockstep import Lockstep
from vae_core.run.frame import PackedFrame
from vae_core.ui.server import messages
from vae_core.ui.server.address import LAB, served
from vae_core.ui.server.replies import Columns, ComparisonHello, ComparisonHistory, Contestant, Gone, Round
from vae_core.ui.server.run_socket import STATE_EVERY, images_of
from vae_core.ui.server.socket import BrowserSocket, Steering, is_barred, turn_away
from vae_core.ui.server.state import comparisons, engine
from vae_core.workers.errors import LaneError


async def live(socket: WebSocket) -> None:
    """One comparison to one browser. If it is not here (any more), the browser asks its page for another."""
    if await is_barred(socket):
        return
    lockstep = comparisons().get(socket.path_params["comparison"])
    if lockstep is None:
        await turn_away(socket, Gone(type="gone"))
        return
    await socket.accept()
    await ComparisonSocket(socket, lockstep).serve()


class ComparisonSocket(BrowserSocket[messages.ComparisonCommand]):
    """One browser that watches, and steers, a comparison."""

    def __init__(self, socket: WebSocket, lockstep: Lockstep) -> None:
        super().__init__(socket, messages.OF_COMPARISON)
        self.lockstep = lockstep
        self.steering = Steering[messages.ComparisonSteering](self, self._do)
        self.state_due, self.greeting_due, self.following = True, True, True
        self.stated_at = 0.0
        self.sent: Sequence[PackedFrame | None] = []

    def attend(self) -> Callable[[], None]:
        """Watch the comparison."""
        return self.lockstep.watch(self._notice)

    async def greet(self) -> None:
        """Have the rules at hand; what is fixed comes with the news."""
        await asyncio.to_thread(engine().rules)  # described once, then at hand

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Send what is new, and steer."""
        return [self._send_news(), self.steering.work()]

    def _notice(self, what: str) -> None:
        self.state_due |= what != "frame"
        self.greeting_due |= what == "reset"
        self.wake()

    async def _introduce(self) -> None:
        """What is fixed for the runs, and their past; again after a reset."""
        members = self.lockstep.members
        self.sent = [None] * len(members)
        hello = ComparisonHello(
            type="hello",
            rules=engine().rules(),
            question=self.lockstep.question,
            columns=[Contestant(classes=run.info["classes"], recipe=run.info["recipe"]) for run in members],
            images=images_of(members[0]),
        )
        history = ComparisonHistory(type="history", columns=[cast(Columns, run.record.columns()) for run in members])
        await self.send(json.dumps(hello), members[0].probe, json.dumps(history, allow_nan=False))
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
        head = json.dumps(Round(type="round", columns=changed, past=recorded))
        await self.send(head, *(frames[place].view for place in changed))

    async def answer(self, command: messages.ComparisonCommand) -> None:
        """Answer at once what concerns this viewer alone; line up what steers the runs."""
        match command:
            case messages.Follow(value=following):
                self.following = following
                self.news.set()
            case messages.Frame(step=step):
                await self._send_round(self.lockstep.frames(step), recorded=True)
            case messages.Ack() | messages.Ping():
                pass  # answered already
            case messages.Switch(column=int(column)) if not 0 <= column < len(self.lockstep.members):
                raise messages.Malformed(f"There is no column {column}.")
            case _:
                self.steering.put(command)

    def _do(self, command: messages.ComparisonSteering) -> None:
        lockstep = self.lockstep
        try:
            match command:
                case messages.Switch(column=column):
                    lockstep.switch(column, **command.settings())
                case messages.Look(index=index):
                    lockstep.look(index)
                case messages.Speed(value=value):
                    lockstep.set_speed(value)
                case messages.Step(steps=steps):
                    lockstep.step(steps)
                case messages.Play():
                    lockstep.play()
                case messages.Pause():
                    lockstep.pause()
                case messages.Reset():
                    lockstep.reset()
        except LaneError as error:
            lockstep.complain(str(error))


def routes() -> list[WebSocketRoute]:
    """For `st.App`."""
    return [WebSocketRoute(served(f"{LAB}/compare/{{comparison}}"), live)]
