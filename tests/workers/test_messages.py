"""The seam between server and lane: every request has a method, and nothing else is answered."""

import inspect
import pickle
from dataclasses import dataclass, fields

import pytest

from vae_core.analysis.views import VIEWS
from vae_core.run.frame import PackedFrame
from vae_core.workers import messages
from vae_core.workers.errors import Refused, UnknownRun
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Advance, Advanced, Examine, Images, Opened, OpenRun, Preview, Request, Switched
from vae_core.workers.worker import answer

REQUESTS = [
    kind
    for kind in vars(messages).values()
    if inspect.isclass(kind) and issubclass(kind, Request) and kind not in (Request, messages.RunRequest)
]
RECIPE = {"dataset": "digits", "hidden": (8,), "batch_size": 16}
FRAME = PackedFrame(3, b"view", b"decoder")


def example(kind):
    """A request with a value in every field."""
    return kind(**{field.name: f"a {field.name}" for field in fields(kind)})


def test_every_public_method_of_a_lane_takes_one_kind_of_request():
    others = {"answer", "warm_up", "in_lane"}
    public = {name for name, _ in inspect.getmembers(Lane, inspect.isfunction) if not name.startswith("_")} - others
    taken = [inspect.signature(getattr(Lane, name)).parameters["request"].annotation for name in public]
    assert sorted(taken, key=str) == sorted(REQUESTS, key=str)


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_reaches_its_method(kind, monkeypatch):
    names = [name for name, method in inspect.getmembers(Lane, inspect.isfunction) if takes(method) is kind]
    monkeypatch.setattr(Lane, names[0], lambda lane, request: ("asked", request))
    assert len(names) == 1 and Lane().answer(example(kind)) == ("asked", example(kind))


def takes(method) -> object:
    parameter = inspect.signature(method).parameters.get("request")
    return parameter and parameter.annotation


@pytest.mark.parametrize("kind", REQUESTS)
def test_requests_come_through_a_pickle_as_they_are_and_cannot_be_changed(kind):
    request = example(kind)
    again = pickle.loads(pickle.dumps(request))
    assert again == request and type(again) is kind
    for field in fields(kind):
        with pytest.raises(AttributeError):
            setattr(request, field.name, None)


@pytest.mark.parametrize(
    "sent",
    [
        Advanced(FRAME, 0.5, [{"step": 1}]),
        Images(b"probe", b"images"),
        Opened({"points": 20}, FRAME, 7),
        Preview(b"seen"),
        Switched(FRAME, []),
    ],
)
def test_so_do_answers(sent):
    assert pickle.loads(pickle.dumps(sent)) == sent


@dataclass(frozen=True)
class Unheard(Request[None]):
    """What no lane knows, though a method has its name."""

    name: str = "in_lane"


@pytest.mark.parametrize("sent", [Unheard(), Request(), Preview(b""), "warm_up", None])
def test_what_is_no_request_is_refused(sent):
    error = answer(Lane(), sent)
    assert type(error) is Refused and type(sent).__name__ in str(error)


def test_requests_are_answered():
    lane = Lane()
    opened = answer(lane, OpenRun("run", RECIPE, points=20))
    assert isinstance(opened, Opened) and opened.info["points"] == 20 and opened.frame.step == 0
    advanced = answer(lane, Advance("run", steps=2))
    assert isinstance(advanced, Advanced) and advanced.frame.step == 2 and advanced.seconds > 0
    assert type(answer(lane, Advance("nobody"))) is UnknownRun


@pytest.mark.parametrize("name", ["os", "VIEWS", "__doc__", "live"])
def test_views_are_those_of_the_mapping_and_no_other_name(name):
    lane = Lane()
    assert hasattr(__import__("vae_core.analysis.views", fromlist=["live"]), name) or name == "os"
    error = answer(lane, Examine("run", name))
    assert type(error) is Refused and repr(name) in str(error) and ", ".join(VIEWS) in str(error)


def test_each_view_has_its_own_name():
    assert all(view.__name__ == name for name, view in VIEWS.items()) and len(VIEWS) > 20
