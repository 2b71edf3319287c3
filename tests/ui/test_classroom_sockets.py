"""The websockets of runs, comparisons and rooms, on a real server: what is sent, to whom, and what is refused."""

import itertools
import json
import threading
import time
import urllib.error
import urllib.request
import zlib
from contextlib import ExitStack, suppress
from typing import get_args

import pytest
import uvicorn
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from typing_extensions import get_type_hints, is_typeddict
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.conftest import wait_until
from vae_core.engine.lockstep import Lockstep
from vae_core.run.contrasts import plans_of
from vae_core.run.packing import unpack
from vae_core.ui.server import broadcast, compact, comparison_socket, replies, room_replies, room_socket, run_socket
from vae_core.ui.server.admin import is_loopback
from vae_core.ui.server.presenter import own_address
from vae_core.ui.server.state import broadcasts, classroom, comparisons, engine

SMALL = {"dataset": "digits", "hidden": (32,), "batch_size": 64}
LIMIT = 15_000


@pytest.fixture(scope="module")
def address():
    routes = [*run_socket.routes(), *room_socket.routes(), *comparison_socket.routes()]
    config = uvicorn.Config(
        Starlette(routes=routes), port=0, ws="websockets-sansio", log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert wait_until(lambda: server.started, 20)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


SENT = [
    (get_type_hints(cls), TypeAdapter(cls))
    for module in (replies, room_replies)
    for cls in vars(module).values()
    if is_typeddict(cls)
]


def is_declared(header: dict, arrays: dict) -> bool:
    """Whether a message is one of those that the JavaScript is told of. A decoder has as many arrays as layers."""
    tag = "type" if "type" in header else "kind"
    told = header if header[tag] == "decoder" else {**header, **arrays}
    for hints, adapter in SENT:
        if header[tag] in get_args(hints.get(tag)):
            with suppress(ValidationError):
                adapter.validate_python(told, strict=True, extra="forbid")
                return True
    return False


class Client:
    """A browser at one of the sockets: takes everything, acknowledges it, and remembers it by its kind."""

    def __init__(self, address: str, path: str, acknowledges: bool = True, **options) -> None:
        self._open = ExitStack()
        self.socket = self._open.enter_context(
            connect(f"ws://{address}/{path}", compression=None, max_size=None, **options)
        )
        self.acknowledges, self.all, self.bytes = acknowledges, [], 0
        self.undeclared: list[dict] = []
        self.code = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for message in self.socket:
                if isinstance(message, str):
                    self.all.append(json.loads(message))
                    self.check(self.all[-1], {})
                    continue
                self.all.append(opened(message))
                self.check(*unpack(message))
                if self.acknowledges:
                    with suppress(ConnectionClosed):  # what came before the end is still to be read
                        self.send({"do": "ack"})
        except ConnectionClosed:
            pass
        self.code = self.socket.close_code

    def check(self, header: dict, arrays: dict) -> None:
        self.undeclared += [] if is_declared(header, arrays) else [header]
        if header.get("kind") == "packed":
            self.check(*unpack(zlib.decompress(arrays["body"].tobytes())))

    def send(self, message: dict) -> None:
        self.socket.send(json.dumps(message))

    def of(self, kind: str) -> list[dict]:
        return [m for m in list(self.all) if kind in (m.get("type"), m.get("kind"))]

    def last(self, kind: str) -> dict:
        return self.of(kind)[-1]

    def wait(self, kind: str, count: int = 1, timeout: float = 20) -> dict:
        assert wait_until(lambda: len(self.of(kind)) >= count, timeout), (
            kind,
            [m.get("type", m.get("kind")) for m in self.all],
        )
        return self.last(kind)

    def wait_for(self, true, timeout: float = 20) -> None:
        assert wait_until(lambda: true(self), timeout), [m.get("type", m.get("kind")) for m in self.all]

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self._open.close()
        self._thread.join(5)
        assert not self.undeclared, self.undeclared[0]


def opened(message: bytes) -> dict:
    """A binary message as the browser opens it; with its size."""
    header, arrays = unpack(message)
    if header["kind"] == "packed":
        inner, more = unpack(zlib.decompress(arrays.pop("body").tobytes()))
        header = {**header, **inner}
        arrays |= more
    return {**header, "arrays": arrays, "bytes": len(message)}


@pytest.fixture
def run():
    run = engine().open(SMALL)
    yield run
    engine().close(run)


def own(address, run, **options) -> Client:
    return Client(address, run_socket.socket_of(run), **options)


ids = itertools.count()


def viewer(address, room, name: str = "", **options) -> Client:
    name = name or f"viewer {next(ids)}".replace(" ", "-")
    return Client(address, f"{room_socket.socket_of(room)}?viewer={name}", **options)


@pytest.fixture
def room(run):
    room = classroom().open(run)
    yield room
    classroom().close(room)


# -- watching --------------------------------------------------------------------------------


def test_a_viewer_sees_the_run_advance(address, run, room):
    with viewer(address, room) as one:
        hello = one.wait("hello")
        assert [name for name in hello["rules"][0] if name == "code"] == [] and hello["take"] == 1
        assert len(one.wait("probe")["arrays"]["labels"]) == min(compact.POINTS, len(unpack(run.probe)[1]["labels"]))
        assert one.wait("history")["arrays"]["steps"].tolist()[0] == 0
        assert one.wait("state")["watching"] == 1 and one.wait("poll")["poll"] is None
        run.play()
        one.wait_for(lambda c: len(c.of("frame")) >= 4 and c.last("frame")["step"] > 50)  # a slow machine skips some
        frames = one.of("frame")
        assert len({f["step"] for f in frames}) == len(frames) >= 3
        assert all(abs(time.time() - f["at"]) < 60 for f in frames) and max(f["bytes"] for f in frames) <= LIMIT
        one.wait_for(lambda c: c.of("state") and c.last("state")["playing"])
        told = repr([m for m in one.all])
        assert run.id not in told and room.token not in told and "link" not in one.last("state")


def test_steering_is_refused_in_a_sentence(address, run, room):
    with viewer(address, room) as one:
        one.wait("frame")
        before = run.state()
        for number, do in enumerate(("play", "switch", "reset", "look", "step", "epoch", "speed", "fork"), 1):
            one.send({"do": do, "noise": 0.0, "index": 3, "value": 1, "step": 0})
            assert one.wait("refused", number)["text"].startswith("Only the presenter steers")
        for number, do in enumerate(("share", "present", "ask", "unshare", "stop_poll", "decoder"), 9):
            one.send({"do": do, "token": "x", "options": [], "show": True, "step": 0})
            assert "Unknown command" in one.wait("refused", number)["text"]
        after = run.state()
        assert {k: after[k] for k in ("playing", "noise", "rule", "step")} == {
            k: before[k] for k in ("playing", "noise", "rule", "step")
        }
        assert not room.ended


def test_frames_are_packed_once_for_all(address, run, room, monkeypatch):
    packed = []
    whole = compact.Lens.frame
    monkeypatch.setattr(compact.Lens, "frame", lambda lens, frame: packed.append(frame.step) or whole(lens, frame))
    viewers = [viewer(address, room) for _ in range(30)]
    try:
        viewers[0].wait("frame")
        run.play()
        for each in viewers:
            each.wait("frame", 6)
        run.pause()
        cast = broadcasts()[room.code]
        seen = {f["step"] for each in viewers for f in each.of("frame")}
        delivered = sum(len(each.of("frame")) for each in viewers)
        assert len(packed) == len(set(packed)) and seen <= set(packed) and cast.made <= len(packed)
        assert delivered >= 30 * 6 and len(packed) < delivered / 10
        assert max(f["bytes"] for each in viewers for f in each.of("frame")) <= LIMIT
        assert viewers[0].last("state")["watching"] == 30 == room.watching
    finally:
        for each in viewers:
            each.__exit__()
    assert wait_until(lambda: room.watching == 0 and room.code not in broadcasts(), 10)


def test_a_slow_viewer_skips_and_holds_nobody_up(address, run, room):
    with viewer(address, room, acknowledges=False) as slow, viewer(address, room) as quick:
        slow.wait("probe")
        run.play()
        quick.wait("frame", 8)
        assert not slow.of("frame")  # it has acknowledged nothing
        for _ in range(10):
            slow.send({"do": "ack"})
        slow.wait("frame")
        assert slow.last("frame")["step"] >= quick.of("frame")[5]["step"]  # the newest, not the next one


def test_the_rate_is_higher_where_few_watch():
    cast = object.__new__(broadcast.Broadcast)
    for watching, rate in ((1, broadcast.FASTEST), (12, 5.0), (300, broadcast.RATE)):
        cast._viewers = [None] * watching
        assert cast.rate() == rate


def test_scrubbing_is_of_one_viewer_alone(address, run, room):
    with own(address, run) as presenter, viewer(address, room) as one, viewer(address, room) as other:
        presenter.wait("frame")
        one.wait("frame")
        other.wait("frame")
        run.play()
        presenter.wait_for(lambda c: c.last("frame")["step"] > 100)
        run.pause()
        assert wait_until(lambda: run.resting, 5)
        other.wait_for(lambda c: c.last("frame")["step"] == run.header["step"])
        one.wait_for(lambda c: c.last("frame")["step"] == run.header["step"])
        seen = len(other.of("frame"))
        kept = run.record.steps
        one.send({"do": "follow", "value": False})
        for step in (kept[3], kept[5], kept[3]):
            one.send({"do": "frame", "step": step})
            one.wait_for(lambda c, step=step: c.last("frame")["step"] == step and c.last("frame")["recorded"])
        assert one.last("frame")["metrics"] == run.record.packed(kept[3]).header()["metrics"]
        one.send({"do": "frame", "step": -5})
        one.wait_for(lambda c: c.last("frame")["step"] == kept[0])
        one.send({"do": "follow", "value": True})
        one.wait_for(lambda c: c.last("frame")["step"] == run.header["step"] and "recorded" not in c.last("frame"))
        assert len(other.of("frame")) == seen and run.header["step"] == kept[-1]


def test_the_decoder_is_offered_at_few_steps_and_kept(address, run, room):
    path = f"http://{address}/{room_socket.socket_of(room)}"

    def get(rest: str):
        with urllib.request.urlopen(f"{path}/{rest}", timeout=10) as answer:
            return answer, opened(answer.read())

    with viewer(address, room) as one:
        run.play()
        one.wait_for(lambda c: len(c.of("frame")) >= 4 and c.last("frame")["step"] > 50)  # a slow machine skips some
        frames = one.of("frame")
        offered = {f["weights"] for f in frames}
        assert len(offered) < len(frames) / 2  # not a new one with each frame
        answer, weights = get(f"decoder/1/{one.last('frame')['weights']}")
        assert weights["kind"] == "decoder" and weights["step"] == one.last("frame")["weights"]
        assert "immutable" in answer.headers["Cache-Control"] and "Content-Encoding" not in answer.headers
        step = run.record.steps[2]
        assert get(f"decoder/1/{step}")[1]["step"] == step
        pictures = get("images/1")[1]["arrays"]["images"]
        assert len(pictures) == len(one.last("probe")["arrays"]["labels"])
        for wrong in ("decoder/1/999999", "decoder/2/0", "images/2"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(wrong)


# -- presenting ------------------------------------------------------------------------------


def test_a_room_is_opened_and_follows_the_presenter(address, run):
    with own(address, run) as presenter:
        presenter.wait("frame")
        presenter.send({"do": "share"})
        told = presenter.wait("room")
        room = classroom().find(told["code"])
        assert told["link"] == f"http://{address}/join?code={room.code}" or own_address() in told["link"]
        assert (
            told["qr"].startswith("<svg")
            and told["note"]
            and {"noise", "scale"} & {q["name"] for q in told["questions"]}
        )
        assert run.first
        with viewer(address, room) as one:
            one.wait("frame")
            presenter.wait_for(lambda c: c.of("class") and c.last("class")["watching"] == 1)
            run.play()
            one.wait_for(lambda c: c.last("frame")["step"] > 30)
            presenter.send({"do": "reset"})
            moved = engine().runs[presenter.wait("moved")["socket"].rsplit("/", 1)[-1]]
            assert room.run is moved and moved.first and not run.first
            one.wait_for(lambda c: c.last("hello")["take"] == 2)
            one.wait_for(lambda c: c.all.index(c.last("frame")) > c.all.index(c.last("hello")))
            with own(address, moved) as again:  # the browser at the new run
                again.send({"do": "present", "token": told["token"]})
                assert again.wait("room")["code"] == room.code and room.take == 2
                again.send({"do": "unshare"})
                assert again.wait("room", 2).get("gone")
            assert one.wait("ended")["text"] == "The presenter has closed this room."
        engine().close(moved)


def test_a_page_that_was_loaded_again_gets_the_run_that_the_class_sees(address, run, room):
    other, same = engine().open({**SMALL, "seed": 3}), engine().open(SMALL)
    with own(address, same) as reloaded:
        reloaded.send({"do": "present", "token": room.token, "fresh": True})
        assert reloaded.wait("moved")["socket"] == run_socket.socket_of(run) and room.run is run
    with own(address, other) as elsewhere:  # a run that was asked for: the class sees that one
        elsewhere.send({"do": "present", "token": room.token, "fresh": True})
        elsewhere.wait("room")
        assert room.run is other
        for number, token in enumerate(("of no room", "\ud800", ""), 2):
            elsewhere.send({"do": "present", "token": token})
            assert elsewhere.wait("room", number).get("gone")
    for each in (other, same):
        engine().close(each)


def test_a_poll_from_question_to_result(address, run, room):
    with own(address, run) as presenter, viewer(address, room, "a") as one, viewer(address, room, "b") as two:
        presenter.send({"do": "present", "token": room.token})
        presenter.wait("room")
        presenter.send({"do": "ask", "question": "σ?", "options": ["small", "large", ""]})
        one.wait_for(lambda c: c.of("poll") and c.last("poll")["poll"])
        poll = one.last("poll")["poll"]
        assert poll["text"] == "σ?" and poll["options"] == ["small", "large"] and poll["counts"] is None
        for client, option in ((one, 0), (two, 0), (one, 1)):
            client.send({"do": "vote", "poll": poll["id"], "option": option})
        presenter.wait_for(lambda c: c.last("class")["poll"] and c.last("class")["poll"]["counts"] == [1, 1])
        assert one.wait("voted", 2)["option"] == 1 and one.last("poll")["poll"]["counts"] is None
        with viewer(address, room, "a") as back:  # after a lost connection
            assert back.wait("voted")["option"] == 1
        one.send({"do": "vote", "poll": poll["id"], "option": 7})
        assert "There is no answer 7" in one.wait("refused")["text"]
        presenter.send({"do": "stop_poll", "show": True})
        two.wait_for(lambda c: c.last("poll")["poll"]["counts"] == [1, 1])
        two.send({"do": "vote", "poll": poll["id"], "option": 1})
        assert "closed" in two.wait("refused")["text"]
        presenter.send({"do": "ask", "lesson": "scale", "options": []})
        two.wait_for(lambda c: len(c.last("poll")["poll"]["options"]) == 4 and c.last("poll")["poll"]["html"])
        presenter.send({"do": "ask", "lesson": "nothing", "options": []})
        assert "no lesson 'nothing'" in presenter.wait("refused")["text"]
        presenter.send({"do": "clear_poll"})
        two.wait_for(lambda c: c.last("poll")["poll"] is None)


def test_only_the_admin_opens_rooms_where_that_is_set(address, run, monkeypatch):
    monkeypatch.setattr(engine(), "limits", engine().limits.model_copy(update={"open_rooms": "admin"}))
    monkeypatch.setenv("NOISE_LAB_ADMIN_TOKEN", "a secret of the server")
    with own(address, run) as presenter:
        presenter.send({"do": "share"})
        assert "admin token" in presenter.wait("room")["asks"]
        presenter.send({"do": "share", "admin": "guess"})
        assert presenter.wait("room", 2)["asks"].startswith("This is not the admin token")
        presenter.send({"do": "share", "admin": "a secret of the server"})
        room = classroom().find(presenter.wait("room", 3)["code"])
    classroom().close(room)


def test_addresses_that_mean_this_machine_alone():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", "app.localhost")))
    assert not any(map(is_loopback, ("192.168.1.5", "lab.example.org", "", "fe80::1")))


# -- what is not there, and what cannot be read ----------------------------------------------


def test_who_asks_for_what_is_not_there_is_told(address):
    for path, kind in (("/live/nothing", "gone"), ("/compare/nothing", "gone"), ("/room/NOROOM", "ended")):
        with Client(address, f"noise-lab{path}") as client:
            told = client.wait(kind)
            assert kind == "gone" or "There is no open room NOROOM" in told["text"]
            assert wait_until(lambda: client.code == 4404, 5)


def test_pages_of_other_servers_are_turned_away(address, run, room):
    for path in (run_socket.socket_of(run), room_socket.socket_of(room), "noise-lab/compare/x"):
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://{address}/{path}", origin="https://elsewhere.example").__enter__()


MALFORMED = [
    "", "{", "null", "[]", "3", '"play"', "{}", '{"do": null}', '{"do": ["play"]}', '{"do": {}}', '{"do": "shout"}',
    "[" * 9000, "1" * 6000, '{"do": "frame"}', '{"do": "frame", "step": "3"}', '{"do": "frame", "step": 1e400}',
    '{"do": "frame", "step": 2.5}', '{"do": "frame", "step": true}', '{"do": "frame", "step": NaN}',
    '{"do": "frame", "step": [1]}', '{"do": "frame", "step": ' + "9" * 400 + "}", '{"do": "follow"}',
    '{"do": "follow", "value": {}}', '{"do": "switch", "noise": "loud"}', '{"do": "switch", "knobs": [1]}',
    '{"do": "switch", "knobs": {"beta": [1]}}', '{"do": "switch", "rule": 5}', '{"do": "look", "index": "a"}',
    '{"do": "speed", "value": -Infinity}', '{"do": "ack", "x": "' + "y" * 20_000 + '"}', b"\x00\xff", b"",
]  # fmt: skip


@pytest.fixture
def lockstep():
    lockstep = Lockstep(engine(), plans_of({"contrast": ["noise"], "dataset": ["digits"], "hidden": ["32"]}))
    comparisons()[lockstep.id] = lockstep
    yield lockstep
    comparisons().pop(lockstep.id, None)
    lockstep.end()


def test_what_cannot_be_read_gets_a_sentence_and_ends_no_stream(address, run, room, lockstep, caplog):
    sockets = (
        run_socket.socket_of(run),
        f"{room_socket.socket_of(room)}?viewer=odd",
        f"noise-lab/compare/{lockstep.id}",
    )
    for path in sockets:
        with Client(address, path) as client:
            client.wait("frame")
            for number, message in enumerate(MALFORMED, 1):
                client.socket.send(message)
                told = client.wait("refused", number)["text"]
                assert told.endswith(".") and len(told) < 400 and "\n" not in told, (message[:50], told)
            client.send({"do": "ping"})
            client.wait("pong")
            assert client.code is None
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


def test_what_can_be_read_and_cannot_be_is_told_too(address, run, lockstep):
    with own(address, run) as client:
        client.wait("frame")
        client.send({"do": "switch", "knobs": {"beta": "many"}})
        client.wait_for(lambda c: c.last("state")["message"] and "beta" in c.last("state")["message"]["text"])
        client.send({"do": "look", "index": 10**9})
        client.wait_for(lambda c: "There is no point" in c.last("state")["message"]["text"])
        client.send({"do": "switch", "rule": "magic"})
        client.wait_for(lambda c: "magic" in c.last("state")["message"]["text"])
    with Client(address, f"noise-lab/compare/{lockstep.id}") as client:
        client.wait("frame")
        client.send({"do": "switch", "column": 9, "noise": 0.5})
        assert "There is no column 9" in client.wait("refused")["text"]
        client.send({"do": "switch", "column": 0, "noise": 7})
        client.wait_for(lambda c: c.last("state")["message"] is not None)


def test_of_a_dragged_sliders_positions_only_the_newest_counts(address, run, monkeypatch):
    begun, held, done, switch = threading.Event(), threading.Event(), [], run.switch
    monkeypatch.setattr(run, "switch", lambda **s: begun.set() or (held.wait(60) and (done.append(s), switch(**s))))
    with own(address, run) as client:
        client.wait("frame")
        client.send({"do": "switch", "noise": 0.9})
        assert begun.wait(60)
        for beta in range(1, 40):
            client.send({"do": "switch", "knobs": {"beta": beta / 10}})
        client.send({"do": "switch", "knobs": {"s": 0.5}})
        client.send({"do": "switch", "rule": "mean_only"})
        client.send({"do": "switch", "knobs": {"beta": 2.0}})
        client.send({"do": "ping"})
        client.wait("pong")  # all are lined up
        held.set()
        client.wait_for(lambda c: c.last("state")["rule"] == "mean_only")
    assert [set(s) for s in done] == [{"noise"}, {"knobs"}, {"rule", "knobs"}]
    assert done[1]["knobs"] == {"beta": 3.9, "s": 0.5} and done[2] == {"rule": "mean_only", "knobs": {"beta": 2.0}}


def test_a_flood_of_commands_is_bounded(address, run, monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(run, "look", lambda index: held.wait(20))
    with own(address, run) as client:
        client.wait("frame")
        for _ in range(400):
            client.send({"do": "look", "index": 1})
        assert "Too many commands" in client.wait("refused")["text"]
        held.set()
        client.send({"do": "ping"})
        client.wait("pong")
