"""What runs and comparisons have in common: watchers, speed, messages, and that they rest while nobody watches."""

import pytest

from vae_core.engine import watched
from vae_core.engine.watched import Watched


class Shown(Watched):
    """With its protected half made public."""

    def __init__(self) -> None:
        super().__init__()
        self.plays = 0

    def play(self) -> None:
        self.playing, self.plays = True, self.plays + 1

    def watch(self, tell):
        self._join(tell)
        return lambda: self._part(tell)

    def go(self) -> bool:
        return not self._rest_unwatched()


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(watched, "GRACE", 0.0)
    return Shown()


def test_ids_cannot_be_guessed_and_a_given_one_is_kept():
    assert Shown().id != Shown().id and len(Shown().id) >= 20


def test_all_who_watch_are_told_until_they_leave(shown):
    one, two = [], []
    leave = shown.watch(one.append)
    shown.watch(two.append)
    assert shown.viewers == 2
    shown.set_speed(25)
    leave()
    shown.complain("That cannot be.")
    assert one == ["state"] and two == ["state", "state"] and shown.viewers == 1
    assert shown.message == {"level": "error", "text": "That cannot be."}


@pytest.mark.parametrize(("asked", "speed"), [(25, 25.0), (-3, 0.0), (1e9, 1e4)])
def test_speeds_have_bounds(shown, asked, speed):
    shown.set_speed(asked)
    assert shown.speed == speed


def test_it_rests_while_nobody_watches_and_plays_on_when_somebody_comes_back(shown):
    shown.play()
    leave = shown.watch(lambda what: None)
    assert shown.go() and shown.plays == 1
    leave()
    assert not shown.go() and not shown.playing
    shown.watch(lambda what: None)
    assert shown.playing and shown.plays == 2 and shown.go()


def test_what_was_paused_stays_so(shown):
    shown.watch(lambda what: None)()
    shown.watch(lambda what: None)
    assert not shown.playing and shown.plays == 0


def test_it_goes_on_for_a_moment(shown, monkeypatch):
    monkeypatch.setattr(watched, "GRACE", 60.0)
    shown.play()
    shown.watch(lambda what: None)()
    assert shown.watched and shown.go()
