"""Whose turn it is: fair over users, whatever each of them asks for."""

from concurrent.futures import Future
from dataclasses import dataclass

import pytest

from vae_core.workers.errors import LaneError, LaneLost
from vae_core.workers.messages import Request
from vae_core.workers.turns import Turn, Turns


@dataclass(frozen=True)
class Ask(Request[None]):
    """A request by name."""

    name: str
    n: int = 0


class Lane:
    """A lane that answers when it is told to, and keeps what it was asked, in order."""

    def __init__(self):
        self.asked, self.open = [], []

    def send(self, request, on_preview):
        self.asked.append((request.name, request.n))
        self.open.append(Future())
        return self.open[-1]

    def answer_all(self):
        while self.open:
            self.open.pop(0).set_result(None)


@pytest.fixture
def lane():
    return Lane()


@pytest.fixture
def turns(lane):
    return Turns(lane.send)


def test_round_robin_over_users_and_in_order_for_each(turns, lane):
    for user, n in (("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)):
        turns.ask(Turn(user), Ask(user, n), urgent=False)
    assert turns.waiting == 6
    lane.answer_all()
    assert lane.asked == [("a", 1), ("b", 4), ("c", 5), ("a", 2), ("b", 6), ("a", 3)]
    assert turns.waiting == 0


def test_a_user_with_four_runs_gets_no_more_than_one_with_one(turns, lane):
    """All ask again as soon as they are answered, as runs that play do."""

    def again(user, run):
        future = turns.ask(Turn(user), Ask(user, run), urgent=False)
        future.add_done_callback(lambda done: len(lane.asked) < 400 and again(user, run))

    for run in range(4):
        again("many", run)
    again("one", 0), again("two", 0)
    lane.answer_all()
    users = [user for user, _ in lane.asked[10:400]]
    assert all(abs(users.count(user) - len(users) / 3) <= 2 for user in ("many", "one", "two"))
    assert {run for user, run in lane.asked[-40:] if user == "many"} == {0, 1, 2, 3}


def test_a_lecturer_gets_every_other_turn(turns, lane):
    def again(turn):
        future = turns.ask(turn, Ask(turn.user), urgent=False)
        future.add_done_callback(lambda done: len(lane.asked) < 200 and again(turn))

    for user in "abcd":
        again(Turn(user))
    again(Turn("lecturer", first=True))
    lane.answer_all()
    users = [user for user, _ in lane.asked[10:200]]
    assert abs(users.count("lecturer") - len(users) / 2) <= 2
    assert abs(users.count("a") - len(users) / 8) <= 2


def test_what_a_user_waits_for_does_not_wait_for_the_slices_of_others(turns, lane):
    for user in "abcdef":
        turns.ask(Turn(user), Ask("advance"), urgent=False)
    turns.ask(Turn("x"), Ask("switch"))
    assert [name for name, _ in lane.asked] == ["advance", "switch"]  # right behind the slice under way
    turns.ask(Turn("x"), Ask("switch"))
    lane.open.pop(0).set_result(None)
    assert [name for name, _ in lane.asked] == ["advance", "switch", "advance"]  # and no slice waits for the next


def test_errors_reach_who_asked_and_stop_nobody(turns):
    def lost(request, on_preview):
        done = Future()
        done.set_exception(LaneLost("gone"))
        return done

    broken = Turns(lost)
    answers = [broken.ask(Turn(user), Ask("advance"), urgent=False) for user in "abc"]
    assert all(isinstance(answer.exception(), LaneError) for answer in answers) and broken.waiting == 0
