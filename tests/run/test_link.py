"""Links: what goes into a URL comes out of it, to the bit."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.conftest import small
from vae_core.run.link import OURS, from_query, read_event, to_query
from vae_core.run.recipe import Recipe, RecipeError
from vae_core.trainer.trainer import Trainer
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Advance, OpenRun


def test_a_link_reproduces_recipe_events_and_bits():
    trainer = Trainer(small(seed=7, hidden=(24, 12), rule="offset", knobs={"f": "table", "a": 0.1 + 0.2}), points=20)
    for steps, change in [
        (3, {"noise": 0.3}),
        (4, {"rule": "vae", "knobs": {"beta": 1 / 3}}),
        (2, {"knobs": {"beta": 2.0}}),
        (1, {"rule": "mean_only", "noise": 1.0, "knobs": {"squash": True}}),
    ]:
        trainer.train(steps)
        trainer.switch(**change)
    frame = trainer.advance(6)
    query = to_query(trainer.recipe, trainer.events)
    recipe, pending, _ = from_query(parse_qs(query.removeprefix("?")))
    assert Recipe(**recipe) == trainer.recipe
    lane = Lane()
    lane.open(OpenRun("again", recipe, pending, points=20))
    advanced = None
    while advanced is None or advanced.frame.step < 16:
        advanced = lane.advance(Advance("again", steps=1))
    assert [e["label"] for e in advanced.events] == [e.label for e in trainer.events]
    assert advanced.frame == frame.packed()


def test_defaults_are_left_out():
    assert to_query(Recipe(rule="autoencoder")) == "?rule=autoencoder"
    assert to_query(Recipe(seed=3)) == "?rule=vae&seed=3&knob.beta=1.0&knob.s=1.0"


def test_every_option_of_a_recipe_comes_back():
    fields = {"likelihood": "gaussian", "deviation": 0.1 + 0.2, "pixels": "binarized", "encoders": 3, "train_size": 10}
    query = to_query(small(**fields))
    assert "likelihood=gaussian&deviation=0.30000000000000004&pixels=binarized&encoders=3" in query
    assert Recipe(**from_query(parse_qs(query.removeprefix("?")))[0]) == small(**fields)


def test_an_empty_link_is_the_default_recipe():
    recipe, events, points = from_query({})
    assert Recipe(**recipe) == Recipe() and events == [] and points == 2000


def test_points_are_in_the_link():
    assert from_query(parse_qs(to_query(Recipe(), points=500).removeprefix("?")))[2] == 500


@pytest.mark.parametrize("points", ["0", "-5", "10001", "many", "1e3", "²", "9" * 5000])
def test_impossible_points(points):
    with pytest.raises(RecipeError, match="number of points should be from 10 to 10,000"):
        from_query({"points": [points]})


@pytest.mark.parametrize("name", ["rul", "knobs", "sed", "batchsize", "training_size", "events"])
def test_what_is_nearly_a_setting_is_named(name):
    with pytest.raises(RecipeError, match=f"Unknown setting in the link '{name}'.*rule"):
        from_query({name: ["1"]})


@pytest.mark.parametrize("name", ["utm_source", "fbclid", "user", "embed", "__class__", "x" * 5000, ""])
def test_what_others_append_is_left_alone(name):
    assert from_query({name: ["1"], "seed": ["3"]}) == from_query({"seed": ["3"]})


def test_the_browser_knows_the_same_settings():
    source = (Path(__file__).parents[2] / "vae_core/ui/web/shared/address.js").read_text(encoding="utf-8")
    assert json.loads(re.search(r"OURS = (\[.*\]);", source)[1]) == OURS


def test_a_link_holds_what_lies_ahead():
    ahead = [{"step": 500, "noise": 0.0}, {"step": 800, "rule": "offset", "knobs": {"f": "table"}}]
    query = to_query(Recipe(seed=3), (), 500, ahead)
    assert query.endswith("&points=500&event=500,noise=0.0&event=800,rule=offset,f=table")
    assert from_query(parse_qs(query[1:]))[1] == ahead


@pytest.mark.parametrize(
    "text", ["", "noise=0", "x,noise=0", "-3,noise=0", "5,noise", "5,noise=off", "5,rule=", "9" * 400, "a" * 5000]
)
def test_broken_events_are_quoted(text):
    with pytest.raises(RecipeError, match="cannot be read") as error:
        read_event(text)
    assert len(str(error.value)) < 250


def test_a_link_has_a_largest_number_of_events():
    with pytest.raises(RecipeError, match=r"The link has 10,001 events; 10,000 is the most."):
        from_query({"event": ["5,noise=0"] * 10_001})


@pytest.mark.parametrize(
    ("pending", "words"),
    [
        ([{"step": 5, "rule": "foo"}], "Unknown rule 'foo'"),
        ([{"step": 5, "knobs": {"sigma0": 1}}], "Unknown knob of rule 'vae' 'sigma0'"),
        ([{"step": 5, "noise": float("nan")}], "from 0 to 1"),
    ],
)
def test_an_impossible_event_is_told_before_the_run_starts(pending, words):
    with pytest.raises(RecipeError, match=words):
        Lane().open(OpenRun("run", {"dataset": "digits"}, pending))
