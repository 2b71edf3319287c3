"""A training whose worker died is opened again until it is; the rest of that is in test_faults."""

from concurrent.futures import Future

import pytest

from vae_core.engine import recovery
from vae_core.engine.recovery import is_lost, open_again
from vae_core.workers.errors import Elsewhere, LaneError, LaneLost, OutOfMemory, UnknownRun


def answers(*results):
    """Asks that are answered with these, one after the other."""
    coming = list(results)

    def ask():
        future, result = Future(), coming.pop(0)
        future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)
        return future

    return ask, coming


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(recovery, "AGAIN", 0.0)


def test_a_run_is_lost_with_its_lane_or_when_that_has_forgotten_it():
    assert is_lost(LaneLost()) and is_lost(UnknownRun())
    assert not any(is_lost(error) for error in (Elsewhere(), OutOfMemory("large"), LaneError("other")))


def test_it_is_tried_again_while_no_lane_answers():
    ask, coming = answers(LaneLost(), LaneLost(), "opened", "too often")
    open_again(ask, lambda: True)
    assert coming == ["too often"]


def test_another_error_is_told_at_once():
    ask, coming = answers(OutOfMemory("It is too large."), "too often")
    with pytest.raises(LaneError, match=r"could not be brought back\. It is too large\."):
        open_again(ask, lambda: True)
    assert coming == ["too often"]


def test_nobody_waits_for_ever(monkeypatch):
    ask, _ = answers(LaneLost(), "too often")
    with pytest.raises(LaneError, match="could not be brought back"):
        open_again(ask, lambda: False)
    monkeypatch.setattr(recovery, "PATIENCE", -1.0)
    ask, _ = answers(LaneLost(), "too often")
    with pytest.raises(LaneError, match="could not be brought back"):
        open_again(ask, lambda: True)
