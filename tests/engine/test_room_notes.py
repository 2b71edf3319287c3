"""Rooms outlive the server: code, presenter, poll and votes are there again, and a closed room is not."""

import json
import threading
import time
from types import SimpleNamespace

import pytest

from tests.conftest import small, wait_until
from vae_core.engine import room_notes, rooms
from vae_core.engine.engine import Engine
from vae_core.engine.room_notes import RoomNotes
from vae_core.engine.rooms import Classroom, RoomError
from vae_core.workers.errors import LaneError


def run(id="run-of-the-class"):
    return SimpleNamespace(first=False, id=id)


@pytest.fixture
def server(tmp_path):
    """Starts a server of the same disk; what it recalls are the runs of their ids, and it counts them."""
    recalled = []

    def recall(id):
        time.sleep(0.05)
        recalled.append(id)
        return run(id) if id != "gone" else None

    def start():
        return Classroom(RoomNotes(tmp_path / "rooms"), recall)

    start.recalled, start.folder = recalled, tmp_path / "rooms"
    return start


def noted(server):
    return {path.stem: json.loads(path.read_bytes()) for path in server.folder.glob("*.json")}


def test_a_room_with_its_poll_is_there_again(server):
    room = server().open(run())
    poll = room.ask("How large is σ?", ["1", "0.1", "0"])
    for viewer, option in (("a", 0), ("b", 2), ("a", 1)):
        room.vote(viewer, poll.id, option)
    room.stop_poll(show=True)
    again = server()
    back = again.find(room.code.lower())
    assert (back.code, back.token, back.run.id, back.take) == (room.code, room.token, "run-of-the-class", 1)
    assert back.poll.state(True) == poll.state(True) and back.poll.votes == {"a": 1, "b": 2}
    assert again.of_token(room.token) is back and back.deserted and back.run.first


def test_a_presenters_token_brings_it_back_and_no_other(server):
    room = server().open(run())
    room.show(run("another"))
    again = server()
    for wrong in (room.code, room.token[:-1], room.token + "x", room.code + "x" * 24, "\ud800", ""):
        assert again.of_token(wrong) is None
    assert server.recalled == []
    assert again.of_token(room.token).run.id == "another" and again.find(room.code).take == 2


def test_votes_are_noted_once_in_a_while(server, monkeypatch):
    monkeypatch.setattr(room_notes, "WAIT", 0.3)
    room = server().open(run())
    poll = room.ask("Which?", ["1", "2"])
    written = []
    monkeypatch.setattr(room_notes.Notes, "_put", lambda self, name, about: written.append(about) or True)
    start = time.monotonic()
    for k in range(500):
        room.vote(f"viewer {k}", poll.id, k % 2)
    assert wait_until(lambda: written and len(written[-1]["poll"]["votes"]) == 500)
    assert len(written) <= 1 + (time.monotonic() - start) / 0.3


def test_votes_of_the_last_moment_are_noted_when_the_server_stops(server):
    classroom = server()
    room = classroom.open(run())
    poll = room.ask("Which?", ["1", "2"])
    room.vote("a", poll.id, 1)
    assert noted(server)[room.code]["poll"]["votes"] == {}
    classroom.stop()
    assert noted(server)[room.code]["poll"]["votes"] == {"a": 1}


def test_a_closed_room_stays_closed(server, monkeypatch):
    monkeypatch.setattr(room_notes, "WAIT", 0.05)
    classroom = server()
    room = classroom.open(run())
    poll = room.ask("Which?", ["1", "2"])
    room.vote("a", poll.id, 1)  # is about to be noted
    classroom.close(room)
    room.clear_poll()
    time.sleep(0.2)
    assert noted(server) == {}
    with pytest.raises(RoomError, match="no open room"):
        server().find(room.code)
    assert server().of_token(room.token) is None


def test_hours_in_which_nobody_was_there_count_over_a_restart(server, monkeypatch):
    room = server().open(run())
    about = noted(server)[room.code]
    path = server.folder / f"{room.code}.json"
    path.write_text(json.dumps({**about, "at": time.time() - rooms.IDLE + 100}), encoding="utf-8")
    classroom = server()
    assert classroom.find(room.code)
    now = time.monotonic
    monkeypatch.setattr(rooms.time, "monotonic", lambda: now() + 200)
    with pytest.raises(RoomError):
        classroom.find(room.code)
    assert noted(server) == {}
    path.write_text(json.dumps({**about, "at": time.time() - rooms.IDLE - 1}), encoding="utf-8")
    with pytest.raises(RoomError):
        server().find(room.code)
    assert noted(server) == {}


def test_a_room_that_is_in_use_is_noted_to_live(server, monkeypatch):
    classroom = server()
    room = classroom.open(run())
    room.watch("a")
    before = noted(server)[room.code]["at"]
    now = time.monotonic
    monkeypatch.setattr(rooms.time, "monotonic", lambda: now() + rooms.NOTE_EVERY + 1)
    classroom.find(room.code)
    assert noted(server)[room.code]["at"] > before


def test_of_many_who_come_back_at_once_one_brings_it_back(server):
    room = server().open(run())
    again, found = server(), []
    threads = [threading.Thread(target=lambda: found.append(again.find(room.code))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1 and len(found) == 20 and server.recalled == ["run-of-the-class"]


def test_a_room_whose_run_is_gone_is_gone(server):
    room = server().open(run("gone"))
    with pytest.raises(RoomError, match="no open room"):
        server().find(room.code)
    assert noted(server) == {}


def test_a_room_is_not_lost_while_no_worker_answers(server):
    room = server().open(run())

    def refuse(id):
        raise LaneError("No worker answers.")

    classroom = Classroom(RoomNotes(server.folder), refuse)
    for ask in (lambda: classroom.find(room.code), lambda: classroom.of_token(room.token)):
        with pytest.raises(RoomError, match=r"cannot be brought back yet\. No worker answers"):
            ask()
    assert server().find(room.code)


def test_who_may_not_wait_does_not_bring_it_back(server):
    room = server().open(run())
    with pytest.raises(RoomError):
        server().find(room.code, recall=False)
    assert server.recalled == []


def test_of_several_servers_each_has_its_own_rooms(server, monkeypatch):
    """Viewers are sent to the server of the code's first letter: at another one the presenter would be alone."""
    monkeypatch.setenv("NOISE_LAB_ROOMS", "XYZ")
    room = server().open(run())
    monkeypatch.setenv("NOISE_LAB_ROOMS", "ABC")
    with pytest.raises(RoomError, match="no open room"):
        server().find(room.code)
    assert server().of_token(room.token) is None and set(noted(server)) == {room.code}
    monkeypatch.setenv("NOISE_LAB_ROOMS", "XYZ")
    assert server().of_token(room.token)


def test_wrong_codes_are_not_looked_for_without_end(server, monkeypatch):
    classroom = server()
    read = []
    monkeypatch.setattr(RoomNotes, "read", lambda self, code: read.append(code))
    for _ in range(rooms.WRONG_EACH + 20):
        with pytest.raises(RoomError):
            classroom.find("WRNG22", "10.0.0.1")
    assert len(read) == rooms.WRONG_EACH


@pytest.mark.parametrize(
    "change",
    [
        {"token": "short"},
        {"code": "XXXXXX"},
        {"run": 3},
        {"take": 0},
        {"at": float("nan")},
        {"poll": {"id": "1"}},
        {"poll": "?"},
    ],
)
def test_a_note_that_is_not_ours_is_none(server, change):
    room = server().open(run())
    about = noted(server)[room.code]
    (server.folder / f"{room.code}.json").write_text(json.dumps(about | change), encoding="utf-8")
    with pytest.raises(RoomError):
        server().find(room.code)
    assert server().of_token(room.token) is None


def test_a_room_of_a_real_run(tmp_path):
    """A server that is started again on the same disk shows the class the run where it was."""
    with Engine(folder=tmp_path) as engine:
        shown = engine.open(small(seed=11).model_dump())
        shown.watch(lambda what: None)
        shown.step(40)
        assert wait_until(lambda: shown.resting and shown.header["step"] == 40)
        classroom = Classroom(RoomNotes(tmp_path / "rooms"), engine.recall)
        room = classroom.open(shown)
        room.ask("Which?", ["1", "2"])
        classroom.stop()
    with Engine(folder=tmp_path) as engine:
        classroom = Classroom(RoomNotes(tmp_path / "rooms"), engine.recall)
        back = classroom.find(room.code)
        assert back.run.id == shown.id and engine.runs[shown.id] is back.run and back.run.header["step"] == 40
        assert classroom.of_token(room.token) is back and back.poll.text == "Which?"
        assert classroom.open(back.run) is back
