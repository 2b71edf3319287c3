"""Rooms: codes that cannot be guessed, one vote for each viewer, and no room that outlives its class."""

import threading
from types import SimpleNamespace

import pytest

from vae_core.engine import rooms as classroom
from vae_core.engine.room_codes import ALPHABET, draw, spelled
from vae_core.engine.rooms import Classroom, Room, RoomError
from vae_core.teaching.lessons import lessons
from vae_core.teaching.lessons.questions import in_html, questions


def run():
    """What a room needs of a run."""
    return SimpleNamespace(first=False)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(time=1000.0)
    monkeypatch.setattr(classroom.time, "monotonic", lambda: now.time)
    return now


# -- codes -----------------------------------------------------------------------------------


def test_codes_are_unambiguous_and_found_however_they_are_typed():
    assert not set("01ILO") & set(ALPHABET) and len(set(ALPHABET)) == 31
    codes = {draw() for _ in range(2000)}
    assert len(codes) == 2000 and {letter for code in codes for letter in code} == set(ALPHABET)
    rooms = Classroom()
    room = rooms.open(run())
    for typed in (room.code.lower(), f" {room.code[:3]}-{room.code[3:]} ", room.code):
        assert rooms.find(typed) is room
    assert spelled("abc 234\n") == "ABC234"


def test_a_server_of_several_draws_its_own_first_letters(monkeypatch):
    monkeypatch.setenv("NOISE_LAB_ROOMS", "XY")
    codes = {draw() for _ in range(300)}
    assert {code[0] for code in codes} == {"X", "Y"} and {code[1] for code in codes} > {"A", "B", "C"}
    monkeypatch.setenv("NOISE_LAB_ROOMS", "STUVWXYZ0123456789")  # a half of all, whichever of them codes have
    assert {draw()[0] for _ in range(600)} == set("STUVWXYZ23456789")


def test_wrong_codes_are_limited_for_each_address_and_in_all(clock):
    rooms = Classroom()
    room = rooms.open(run())
    room.watch("known to the room")()
    for _ in range(classroom.WRONG_EACH):
        with pytest.raises(RoomError, match="no open room WRONG2"):
            rooms.find("wrong2", "10.0.0.1")
    with pytest.raises(RoomError, match="Wait 60 seconds"):
        rooms.find(room.code, "10.0.0.1")  # else the limit would tell which codes are right
    assert rooms.find(room.code, "10.0.0.2") is room
    assert rooms.find(room.code, "10.0.0.1", "known to the room") is room  # who lost the connection comes back
    clock.time += classroom.WINDOW + 1
    assert rooms.find(room.code, "10.0.0.1") is room
    for k in range(classroom.WRONG_ALL):
        with pytest.raises(RoomError, match="no open room"):
            rooms.find("WRONG2", f"10.0.1.{k}")
    with pytest.raises(RoomError, match="Wait"):
        rooms.find(room.code, "10.9.9.9")


def test_an_empty_code_is_asked_for():
    with pytest.raises(RoomError, match="Type the code of the room: 6 letters and digits"):
        Classroom().find("  ")


# -- who is there ----------------------------------------------------------------------------


def test_the_room_counts_who_watches_and_tells():
    room, told = Room("ABC234", run()), []
    stop = room.listen(lambda: told.append(room.watching))
    leave = [room.watch(f"viewer {k}") for k in range(3)]
    assert room.watching == 3 and told == [1, 2, 3] and not room.deserted
    for each in leave:
        each()
    assert room.watching == 0 and room.deserted
    stop()
    room.watch("viewer 4")
    assert told == [1, 2, 3, 2, 1, 0]


def test_a_full_room_says_so(monkeypatch):
    monkeypatch.setattr(classroom, "VIEWERS", 2)
    room = Room("ABC234", run())
    room.watch("a"), room.watch("b")
    with pytest.raises(RoomError, match="full: 2 watch"):
        room.watch("c")
    assert room.watching == 2


def test_rooms_end_when_nobody_has_been_there_for_hours(clock):
    rooms = Classroom()
    left, kept = rooms.open(run()), rooms.open(run())
    leave = kept.present()
    clock.time += classroom.IDLE + 1
    with pytest.raises(RoomError):
        rooms.find(left.code)
    assert left.ended and not left.run.first and rooms.find(kept.code) is kept
    leave()
    clock.time += classroom.IDLE - 1
    assert rooms.find(kept.code) is kept


def test_the_number_of_rooms_is_bounded(monkeypatch, clock):
    monkeypatch.setattr(classroom, "ROOMS", 2)
    rooms = Classroom()
    first = rooms.open(run())
    clock.time += 1
    second = rooms.open(run())
    second.present()
    third = rooms.open(run())  # in place of the one left alone the longest
    assert first.ended and not second.ended and set(rooms.rooms) == {second.code, third.code}
    third.watch("a")
    with pytest.raises(RoomError, match="2 rooms open, and all are in use"):
        rooms.open(run())


def test_a_run_has_one_room_and_a_token_opens_it_again():
    rooms, shown = Classroom(), run()
    room = rooms.open(shown)
    assert rooms.open(shown) is room and rooms.open(run()) is not room
    assert rooms.of_token(room.token) is room and rooms.of_token(room.token[:-1]) is None and rooms.of_token("") is None
    rooms.close(room)
    assert rooms.of_token(room.token) is None and room.ended


def test_the_room_follows_the_presenter():
    first, second = run(), run()
    room = Room("ABC234", first)
    told = []
    room.listen(lambda: told.append(room.take))
    assert first.first
    room.show(second)
    room.show(second)
    assert room.run is second and second.first and not first.first and told == [2]
    room.end()
    room.show(first)
    assert room.run is second and not second.first


# -- polls -----------------------------------------------------------------------------------


def test_one_vote_each_which_may_be_changed_while_the_poll_is_open():
    room = Room("ABC234", run())
    poll = room.ask("How large is σ?", ["1", "0.1", "0"])
    for viewer, option in (("a", 0), ("b", 0), ("c", 2), ("a", 1)):
        room.vote(viewer, poll.id, option)
    assert poll.counts() == [1, 1, 1]
    assert poll.state(counted=False)["counts"] is None and poll.state(counted=True)["counts"] == [1, 1, 1]
    room.stop_poll(show=False)
    assert not poll.open and not poll.shown
    with pytest.raises(RoomError, match="closed; your last answer counts"):
        room.vote("d", poll.id, 0)
    room.stop_poll(show=True)
    assert poll.shown and poll.counts() == [1, 1, 1]
    room.clear_poll()
    with pytest.raises(RoomError, match="closed"):
        room.vote("a", poll.id, 0)


def test_votes_for_what_is_not_asked_are_refused(monkeypatch):
    room = Room("ABC234", run())
    poll = room.ask("?", ["yes", "no"])
    for option in (-1, 2):
        with pytest.raises(RoomError, match="There is no answer"):
            room.vote("a", poll.id, option)
    with pytest.raises(RoomError, match="closed"):
        room.vote("a", "another", 0)
    monkeypatch.setattr(classroom, "KNOWN", 1)
    room.vote("a", poll.id, 0)
    room.vote("a", poll.id, 1)
    with pytest.raises(RoomError, match="Too many"):
        room.vote("b", poll.id, 0)
    assert poll.counts() == [0, 1]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("  ", ["a", "b"], "Write a question"),
        ("?", ["a", " "], "2 to 6 different answers"),
        ("?", ["a", "a "], "2 to 6 different answers"),
        ("?", list("abcdefg"), "2 to 6 different answers"),
        ("?" * 301, ["a", "b"], "301 characters"),
        ("?", ["a", "b" * 121], "120 characters"),
    ],
)
def test_a_question_that_cannot_be_is_told(text, options, words):
    room = Room("ABC234", run())
    kept = room.ask("Kept?", ["yes", "no"])
    with pytest.raises(RoomError, match=words):
        room.ask(text, options)
    assert room.poll is kept


def test_votes_from_many_threads_are_all_counted():
    room = Room("ABC234", run())
    poll = room.ask("?", ["a", "b", "c"])
    threads = [
        threading.Thread(target=lambda k=k: [room.vote(f"{k} {i}", poll.id, i % 3) for i in range(99)])
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert poll.counts() == [8 * 33] * 3


def test_the_questions_of_lessons():
    asked = questions()
    assert set(asked) == {name for name, lesson in lessons().items() if lesson.choices} and len(asked) >= 4
    for name, question in asked.items():
        assert question.options == lessons()[name].choices
        Room("ABC234", run()).ask(question.text, question.options, html=True)  # none is too long
        assert "$" not in question.text
    assert in_html("a < b & $x^2$") == "a &lt; b &amp; " + in_html("$x^2$") and "<msup>" in in_html("$x^2$")
