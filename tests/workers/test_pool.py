"""The pool: lanes and the lines before them, without any training."""

import os
import signal
import subprocess
import sys
from concurrent.futures import Future

import pytest

from tests.conftest import wait_until
from vae_core.workers.errors import LaneLost
from vae_core.workers.messages import Advance, CloseRun, DescribeRules, OpenRun
from vae_core.workers.pool import Pool
from vae_core.workers.turns import Turn

RECIPE = {"dataset": "digits", "hidden": (8,), "batch_size": 16}


class FakeLane:
    """A lane in this process, which answers what it was asked."""

    started: list["FakeLane"] = []  # noqa: RUF012

    def __init__(self, threads, memory, lost):
        self.lost, self.closed, self.ready, self.pid = lost, False, True, 1000 + len(self.started)
        self.asked = []
        self.started.append(self)

    def request(self, request, on_preview=None):
        self.asked.append(request)
        future = Future()
        if self.closed:
            future.set_exception(LaneLost())
        else:
            future.set_result([{"name": "a rule"}])
        return future

    def leave(self):
        self.closed = True

    def stop(self):
        assert all(lane.closed for lane in self.started)  # all were told before one is waited for


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setattr(FakeLane, "started", [])
    monkeypatch.setattr("vae_core.workers.pool.LaneProcess", FakeLane)
    return Pool(3)


def test_a_training_is_placed_where_there_is_least_to_do(pool):
    assert len(pool) == 3 and pool.place({}) == 0
    assert pool.place({0: 1.01}) == 1 and pool.place({0: 1.01, 1: 0.01}) == 2
    assert pool.place({0: 1.01, 1: 0.01, 2: 2.02}) == 1


def test_a_lane_that_does_not_answer_is_the_last(pool):
    FakeLane.started[1].ready = False
    assert pool.ready == [True, False, True]
    assert pool.place({0: 5.0, 2: 7.0}) == 0
    for lane in FakeLane.started:
        lane.ready = False
    assert pool.place({0: 1.0}) == 1


def test_rules_are_asked_for_once(pool):
    assert pool.rules() == pool.rules() == [{"name": "a rule"}]
    assert FakeLane.started[0].asked == [DescribeRules()]


def test_requests_go_to_their_lane(pool):
    pool.ask(2, Turn("somebody"), CloseRun("run"))
    pool.request(1, CloseRun("other"))
    assert [lane.asked for lane in FakeLane.started] == [[], [CloseRun("other")], [CloseRun("run")]]
    assert pool.waiting == 0 and pool.pids() == [1000, 1001, 1002]


def test_a_lane_that_ended_is_started_again_when_it_is_asked(pool):
    FakeLane.started[1].closed = True
    FakeLane.started[1].lost()
    pool.request(1, CloseRun("run")).result(0)
    assert len(FakeLane.started) == 4 and FakeLane.started[3].asked == [CloseRun("run")] and pool.lost == 1
    pool.stop()
    assert isinstance(pool.request(1, CloseRun("run")).exception(0), LaneLost) and len(FakeLane.started) == 4


def test_a_worker_answers_and_another_one_follows_when_it_is_killed():
    pool = Pool(1)
    try:
        pool.request(0, OpenRun("run", RECIPE, points=20)).result(60)
        seen = []
        advanced = pool.ask(0, Turn(), Advance("run", resumed=True, previews=True), False, seen.append).result(60)
        assert advanced.frame.step > 0 and pool.ready == [True]
        first = pool.pids()
        os.kill(first[0], signal.SIGKILL)
        assert wait_until(lambda: pool.lost == 1, 10)
        assert len(pool.request(0, DescribeRules()).result(60)) > 5
        assert pool.pids() != first
    finally:
        pool.stop()
    assert wait_until(lambda: isinstance(pool.request(0, DescribeRules()).exception(5), LaneLost), 10)


def test_the_servers_end_loads_no_torch():
    code = "import sys, vae_core.workers.pool as pool; assert not {'torch', 'ray', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_worker_is_not_loaded_twice():
    """``python -m`` warns of that."""
    code = "import sys, vae_core.workers; assert 'vae_core.workers.worker' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
