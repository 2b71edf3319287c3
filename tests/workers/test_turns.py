"""Whose turn it is: fair over users, whatever each of them asks for."""

from concurrent.futures import Future

import pytest

from vae_core.workers.errors import LaneError, LaneLost
from vae_core.workers.turns import Turn, Turns


class Desk:
    """A lane that answers when it is told to, and keeps what it was asked, in order."""

    def __init__(self):
        self.asked, self.open = [], []

    def send(self, name, **args):
        self.asked.append((name, args.get("n")))
        self.open.append(Future())
        return self.open[-1]

    def answer_all(self):
        while self.open:
            self.open.pop(0).set_result(None)


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def turns(desk):
    return Turns(desk.send)


def test_round_robin_over_users_and_in_order_for_each(turns, desk):
    for user, n in (("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)):
        turns.ask(Turn(user), user, {"n": n}, urgent=False)
    assert turns.waiting == 6
    desk.answer_all()
    assert desk.asked == [("a", 1), ("b", 4), ("c", 5), ("a", 2), ("b", 6), ("a", 3)]
    assert turns.waiting == 0


def test_a_user_with_four_runs_gets_no_more_than_one_with_one(turns, desk):
    """All ask again as soon as they are answered, as runs that play do."""

    def again(user, run):
        future = turns.ask(Turn(user), user, {"n": run}, urgent=False)
        future.add_done_callback(lambda done: len(desk.asked) < 400 and again(user, run))

    for run in range(4):
        again("many", run)
    again("one", 0), again("two", 0)
    desk.answer_all()
    users = [user for user, _ in desk.asked[10:400]]
    assert all(abs(users.count(user) - len(users) / 3) <= 2 for user in ("many", "one", "two"))
    assert {run for user, run in desk.asked[-40:] if user == "many"} == {0, 1, 2, 3}


def test_a_lecturer_gets_every_other_turn(turns, desk):
    def again(turn):
        future = turns.ask(turn, turn.user, {}, urgent=False)
        future.add_done_callback(lambda done: len(desk.asked) < 200 and again(turn))

    for user in "abcd":
        again(Turn(user))
    again(Turn("lecturer", first=True))
    desk.answer_all()
    users = [user for user, _ in desk.asked[10:200]]
    assert abs(users.count("lecturer") - len(users) / 2) <= 2
    assert abs(users.count("a") - len(users) / 8) <= 2


def test_what_a_user_waits_for_does_not_wait_for_the_slices_of_others(turns, desk):
    for user in "abcdef":
        turns.ask(Turn(user), "advance", {}, urgent=False)
    turns.ask(Turn("x"), "switch", {})
    assert [name for name, _ in desk.asked] == ["advance", "switch"]  # right behind the slice under way
    turns.ask(Turn("x"), "switch", {})
    desk.open.pop(0).set_result(None)
    assert [name for name, _ in desk.asked] == ["advance", "switch", "advance"]  # and no slice waits for the next


def test_errors_reach_who_asked_and_stop_nobody(turns):
    def lost(name, **args):
        done = Future()
        done.set_exception(LaneLost("gone"))
        return done

    broken = Turns(lost)
    answers = [broken.ask(Turn(user), "advance", {}, urgent=False) for user in "abc"]
    assert all(isinstance(answer.exception(), LaneError) for answer in answers) and broken.waiting == 0
