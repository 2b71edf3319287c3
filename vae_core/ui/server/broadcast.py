"""Broadcast: the messages of one room, each made once for all who watch.

Lives in the event loop; what takes time happens in a thread. Measured for the default recipe on one core of a shared
machine: a compact frame costs 2 ms, whether one watches or three hundred.
"""

import asyncio
import logging
import os
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from vae_core.engine.player import LiveRun
from vae_core.engine.rooms import Room
from vae_core.run.catalogue import RuleEntry
from vae_core.run.frame import PackedFrame
from vae_core.run.packing import unpack
from vae_core.ui.server import compact
from vae_core.ui.server.room_replies import Poll, PollShown, RoomHello

RATE = float(os.environ.get("NOISE_LAB_CLASS_RATE", "2"))  # frames a second to each viewer, however many there are
FASTEST, TOGETHER = 10.0, 60.0  # frames a second: to one viewer, and to all, where they are few
STATE_EVERY = 5.0  # seconds, where only the clock and the length of the timeline have changed
HISTORY_EVERY = 2.0  # seconds that a history is handed to those who come
WEIGHTS_EVERY = 2.0, 10.0, 30  # seconds between two decoders on offer: at least, at most, and viewers for one second
PAST, DECODERS = 128, 6  # recorded frames and decoders that are kept: a decoder is some fourteen times as large
VOLATILE = ("step", "epoch", "seconds", "kept")  # in a run's state, when it trains
HIDDEN = ("type", "link", "message", "crowd")  # of a run's state: the presenter's alone

logger = logging.getLogger(__name__)


class Once:
    """What was made lately, by key: made once in a thread, however many ask for it at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[Any, asyncio.Future[bytes]] = OrderedDict()

    async def get(self, key: Any, make: Callable[[], bytes]) -> bytes:
        """What belongs to a key; `make` makes it where it is not there."""
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(asyncio.to_thread(make))
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        try:
            return await asyncio.shield(self._made[key])
        except Exception:
            self._made.pop(key, None)
            raise


class Show(NamedTuple):
    """A run that a room shows, and what is seen of it there."""

    run: LiveRun
    lens: compact.Lens


class Broadcast:
    """Messages to those who watch a room. As long as there are any, the run on show is watched.

    Args:
        rules: describes all rules; may take a while.

    Attributes:
        take: see `Room`: of which run the messages are.
        opening: what a viewer gets first: hello and probe.
        frame, state, exact, poll: the newest of each; None where there is none yet.
        offered: the frame whose decoder is handed out while the run is watched live.
        made: live frames that were packed.
    """

    def __init__(self, room: Room, rules: Callable[[], list[RuleEntry]]) -> None:
        self.room, self._rules = room, rules
        self.take, self.made = 0, 0
        self.opening: tuple[bytes, ...] = ()
        self.frame: bytes | None = None
        self.state: bytes | None = None
        self.exact: bytes | None = None
        self.poll: bytes | None = None
        self.offered: PackedFrame | None = None
        self._show: Show | None = None
        self._viewers: list[asyncio.Event] = []
        self._opened, self._news = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._leave: Callable[[], None] = lambda: None  # the run
        self._stop: Callable[[], None] = lambda: None  # listening to the room
        self._source: tuple[Any, Any, str] = (None, None, "")  # of frame, exact and poll
        self._told_at = self._stated_at = self._offered_at = 0.0
        self._stated: dict[str, Any] = {}
        self._history: tuple[float, bytes] = (-HISTORY_EVERY, b"")
        self._past, self._decoders, self._others = Once(PAST), Once(DECODERS), Once(4)

    # -- who watches -------------------------------------------------------------------------

    def enter(self, news: asyncio.Event) -> None:
        """A viewer comes; its event is set when there are other messages."""
        self._viewers.append(news)
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())
            self._stop = self.room.listen(self._notice)
        self.wake()

    async def opened(self) -> None:
        """Wait until there is something to send."""
        await self._opened.wait()

    def leave(self, news: asyncio.Event) -> None:
        """A viewer goes; with the last one, all rests."""
        self._viewers.remove(news)
        if not self._viewers and self._task:
            self._task.cancel()
            self._task = None
            self._opened.clear()
            self.take = 0
            self._leave()
            self._stop()

    @property
    def watched(self) -> bool:
        """Whether anybody is there."""
        return bool(self._viewers)

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    def _notice(self) -> None:
        """By the room or the run, in any thread."""
        self._loop.call_soon_threadsafe(self.wake)

    def rate(self) -> float:
        """Frames a second to each viewer."""
        return max(RATE, min(FASTEST, TOGETHER / max(1, len(self._viewers))))

    # -- what all of them get ----------------------------------------------------------------

    async def _go_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._renew()
            except Exception:  # a lane that is brought back, say: those who watch are served on
                logger.exception("A message for room %s could not be made.", self.room.code)
                self._loop.call_later(1.0, self.wake)
            for viewer in self._viewers:
                viewer.set()
            await asyncio.sleep(1 / self.rate())

    async def _renew(self) -> None:
        show = self._shown() if self.room.take == self.take else await self._open()
        run, lens = show
        newest, measured = run.newest, run.measures.newest
        source = self._source
        offered = self._offer(newest, run.playing)
        if newest is not source[0]:
            at = self._told_at or time.time()
            body = await self._past.get(self._key(newest), lambda: lens.frame(newest))
            about = {"at": at, "seconds": round(run.seconds, 2), "weights": offered.step}
            self.frame = compact.envelope(body, step=newest.step, **about)
            self.made += 1
        if measured is not source[1]:
            self.exact = measured and compact.envelope(
                await asyncio.to_thread(lambda: compact.compressed(*unpack(measured)))
            )
        poll = self.room.poll
        shown = cast(Poll, poll.state(counted=poll.shown)) if poll else None  # that is what it states
        if repr(shown) != source[2]:
            self.poll = compact.envelope(compact.compressed(PollShown(kind="poll", poll=shown)))
        self._source = newest, measured, repr(shown)
        self._state(run)

    def _shown(self) -> Show:
        if self._show is None:
            raise RuntimeError("Nothing is on show yet; wait until the broadcast has `opened`.")
        return self._show

    async def _open(self) -> Show:
        """Another run is on show."""
        self._leave()
        self._leave = lambda: None
        take, run = self.room.take, self.room.run
        rules = await asyncio.to_thread(self._rules)
        lens = compact.Lens(run.probe, run.images, tuple(run.header["strip"]))
        shown = [{name: value for name, value in rule.items() if name != "code"} for rule in rules]
        hello = RoomHello(
            kind="hello",
            rules=cast(list[RuleEntry], shown),  # without their code
            take=take,
            classes=run.info["classes"],
            encoder=run.info["encoder"],
            recipe=run.info["recipe"],
        )
        made = await asyncio.to_thread(lambda: (compact.compressed(hello), lens.probe()))
        self.take, self.opening, self._show = take, tuple(map(compact.envelope, made)), Show(run, lens)
        self.frame = self.state = self.exact = self.offered = None
        self._source, self._stated, self._told_at = (None, None, self._source[2]), {}, 0.0
        self._history = -HISTORY_EVERY, b""
        self._leave = run.watch(self._told, exact=True)
        self._opened.set()
        return self._show

    def _told(self, what: str) -> None:
        """By the run, in any thread."""
        if what == "preview":
            return  # is for who steers
        if what == "frame":
            self._told_at = time.time()
        self._notice()

    def _state(self, run: LiveRun) -> None:
        """The run's state, if it has changed in more than what each frame changes, or was not sent for long."""
        state = {name: value for name, value in run.state().items() if name not in HIDDEN}
        state |= {"kind": "state", "watching": self.room.watching}
        lasting = {name: value for name, value in state.items() if name not in VOLATILE}
        late = time.monotonic() - self._stated_at > STATE_EVERY and state["kept"] != self._stated.get("kept")
        if late or any(self._stated.get(name) != value for name, value in lasting.items()):
            self._stated, self._stated_at = state, time.monotonic()
            self.state = compact.envelope(compact.compressed(state))

    def _offer(self, newest: PackedFrame, playing: bool) -> PackedFrame:
        """Another decoder every few seconds while the run plays: the more hover, the fewer."""
        least, most, viewers = WEIGHTS_EVERY
        now, pause = time.monotonic(), min(max(least, len(self._viewers) / viewers), most)
        if self.offered is None or (newest is not self.offered and (not playing or now - self._offered_at > pause)):
            self.offered, self._offered_at = newest, now
        return self.offered

    # -- what some ask for -------------------------------------------------------------------

    async def history(self) -> bytes:
        """Metrics up to now."""
        now, (made_at, made) = time.monotonic(), self._history
        if now - made_at < HISTORY_EVERY:
            return made
        run, take = self._shown().run, self.take
        body = await self._others.get(("history", take, made_at), lambda: compact.history(run.record, run.measures))
        made = compact.envelope(body)
        if take == self.take:
            self._history = now, made
        return made

    async def recorded(self, step: int) -> tuple[bytes, ...]:
        """The frame at a step, or the last one before it, and the exact measures that belong to it."""
        run, lens = self._shown()
        packed, measured = run.record.packed(step), run.measures.at(step)
        body = await self._past.get(self._key(packed), lambda: lens.frame(packed))
        messages = [compact.envelope(body, step=packed.step, recorded=True)]
        if measured:
            key = "exact", self.take, zlib.crc32(measured)
            body = await self._past.get(key, lambda: compact.compressed(*unpack(measured)))
            messages.append(compact.envelope(body, recorded=True))
        return tuple(messages)

    async def images(self) -> bytes:
        """The images of all points that are shown."""
        return compact.envelope(await self._others.get(("images", self.take), self._shown().lens.images))

    async def decoder(self, step: int) -> bytes | None:
        """The decoder that is on offer, or of a recorded frame; None where there is no frame at that step."""
        packed = self.offered if self.offered and self.offered.step == step else self._shown().run.record.packed(step)
        if packed.step != step:
            return None
        key = self.take, step, zlib.crc32(packed.decoder)
        return compact.envelope(await self._decoders.get(key, lambda: compact.decoder(packed)))

    def _key(self, packed: PackedFrame) -> Any:
        """What tells frames apart: those of one step differ once another image is looked at."""
        return self.take, packed.step, zlib.crc32(packed.view)
