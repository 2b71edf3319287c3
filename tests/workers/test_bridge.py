"""What the server asks of the process that speaks with a cluster, with a stand-in for Ray."""

import asyncio
import pickle
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from vae_core.workers.cluster.bridge import Bridge, Station
from vae_core.workers.cluster.messages import AskLane, Attach, GetNews, LaneStatus
from vae_core.workers.errors import LaneLost, Refused
from vae_core.workers.messages import Advance, CloseRun


def run(asked: Coroutine[Any, Any, Any]) -> Any:
    """The result, from a loop of its own: where a browser is driven by this process too, one runs here already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


class Method:
    """A remote method that answers with what it was given, or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def remote(self, *given):
        future = Future()
        future.set_exception(self.error) if self.error else future.set_result(pickle.dumps(given))
        return SimpleNamespace(future=lambda: future)


@pytest.fixture
def bridge(monkeypatch):
    """A lane that is ready, one that is lost, and one that does not answer; nobody waits for a fourth."""
    ray = SimpleNamespace(method=lambda **options: lambda method: method, remote=lambda **options: lambda lane: lane)
    monkeypatch.setattr("vae_core.workers.cluster.bridge.START", 0.05)
    monkeypatch.setattr("vae_core.workers.cluster.bridge.version", lambda: "1")
    monkeypatch.setattr("vae_core.workers.cluster.bridge.has_mnist", lambda: False)
    bridge = Bridge(ray, 0, 0.0)
    about = {"host": "here", "pid": 7}
    bridge._stations += [
        Station(SimpleNamespace(ask=Method()), "ready", "", about),
        Station(None, "lost", "The cable is out."),
        Station(SimpleNamespace(ask=Method(RuntimeError("Ray's"))), "ready"),
    ]
    return bridge


def test_a_request_goes_to_its_lane_with_the_state_that_belongs_to_it(bridge):
    asked = AskLane(0, Advance("run", steps=4), (3, b"state"))
    assert pickle.loads(run(bridge.answer(asked))) == (Advance("run", steps=4), (3, b"state"))


@pytest.mark.parametrize(("lane", "words"), [(1, "The cable is out"), (2, "does not answer"), (9, "has room")])
def test_a_lane_that_does_not_answer_is_lost(bridge, lane, words):
    with pytest.raises(LaneLost, match=words):
        run(bridge.answer(AskLane(lane, CloseRun("run"))))


def test_news_are_how_the_lanes_are_once_that_has_changed(bridge):
    news = run(bridge.answer(GetNews([])))
    assert news[:2] == [LaneStatus("ready", "", {"host": "here", "pid": 7}), LaneStatus("lost", "The cable is out.")]

    async def changed():
        waits = asyncio.create_task(bridge.answer(GetNews(news)))
        await asyncio.sleep(0.01)
        assert not waits.done()
        await bridge._tell(bridge._stations[1], "ready")
        return await waits

    assert run(changed())[1].state == "ready"


def test_nothing_else_is_answered(bridge):
    for asked in (Attach("ray://head:1", 0, 0.0), Advance("run"), "stop"):
        with pytest.raises(Refused, match=type(asked).__name__):
            run(bridge.answer(asked))


@pytest.mark.parametrize("asked", [Attach("a", 1, 0.5), GetNews([LaneStatus("lost")]), AskLane(1, Advance("run"))])
def test_messages_come_through_a_pickle_as_they_are(asked):
    assert pickle.loads(pickle.dumps(asked)) == asked
