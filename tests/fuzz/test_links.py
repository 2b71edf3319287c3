"""Links: any query opens a run or is refused before a run starts; what opens, trains, and is its own link again."""

from urllib.parse import parse_qs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.queries import queries, sound, values
from tests.fuzz.verdict import assert_sentence, fuzz, verdict
from vae_core.data import DataError
from vae_core.data.tables import TableError
from vae_core.rules import discover
from vae_core.run.contrasts import CONTRASTS, plans_of
from vae_core.run.link import from_query, to_query
from vae_core.run.recipe import Event, Recipe, RecipeError
from vae_core.trainer import trainer as trainers
from vae_core.workers.errors import LaneError, TrainingDiverged
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Advance, OpenRun

ERRORS = (RecipeError, TableError, DataError, LaneError)


class Opened(Exception):
    """All checks are passed; what is left is to build the networks."""


@pytest.fixture(autouse=True)
def no_networks(monkeypatch, request):
    def opened(recipe, *args):
        raise Opened(recipe)

    if "trains" not in request.node.name:
        monkeypatch.setattr(trainers, "Trainer", opened)


def check(recipe, pending, points=2000) -> Recipe:
    """The recipe, if a lane would open it with all its changes."""
    try:
        Lane().open(OpenRun("fuzz", recipe, pending, points=points))
    except Opened as opened:
        return opened.args[0]
    raise AssertionError("a lane opened it without a trainer")


@fuzz(400, 4000)
@given(queries())
def test_a_query_is_opened_or_refused(query):
    recipe = verdict("links", lambda: check(*from_query(query)), ERRORS)
    if recipe is not None:  # and its own link is that very recipe
        again, pending, _ = from_query(parse_qs(to_query(recipe)[1:], keep_blank_values=True))
        assert Recipe(**again) == recipe and not pending


@fuzz(200, 2000)
@given(st.data())
def test_a_damaged_link_is_opened_or_refused(data):
    """A whole link in which characters were lost, changed or put in, as by a mail program."""
    rule = data.draw(st.sampled_from(sorted(discover())))
    changed = [Event(step=100, rule=rule, noise=0.0, knobs=discover()[rule].Knobs().model_dump())]
    link = list(to_query(Recipe(dataset="digits", rule=rule, hidden=(32, 16), seed=3), changed, 500)[1:])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(link) - 1))
        link[at : at + data.draw(st.integers(0, 2))] = data.draw(st.text("0123456789.,=&-+%;? \u00e9", max_size=2))
    query = parse_qs("".join(link), keep_blank_values=True)
    verdict("damaged links", lambda: check(*from_query(query)), ERRORS)


@fuzz(100, 1000)
@given(
    st.sampled_from([*(preset.name for preset in CONTRASTS), "betta", ""]),
    st.lists(sound | sound.flatmap(lambda pair: st.tuples(st.just(pair[0]), values)), max_size=2),
    st.lists(queries(), max_size=3),
)
def test_the_address_of_a_comparison_is_opened_or_refused(name, fields, runs):
    links = ["&".join(f"{field}={value}" for field in query for value in query[field]) for query in runs]
    query = {"contrast": [name], **{field: [value] for field, value in fields}} if len(links) < 2 else {"run": links}
    verdict("comparisons", lambda: [check(*plan) for plan in plans_of(query)], ERRORS)


@fuzz(60, 600)
@given(queries())
@example({"dataset": ["digits"], "hidden": ["8"], "rule": ["vae"], "event": ["2,rule="]})
def test_what_is_opened_trains(query):
    """Through all of its events: none fails on the way."""
    lane = Lane()

    def take():
        recipe, pending, _ = from_query({**query, "points": ["20"]})
        assert_small(recipe)
        return lane.open(OpenRun("fuzz", recipe, pending, points=20))

    if verdict("trained links", take, ERRORS) is None:
        return
    for _ in range(6):
        try:
            frame = lane.advance(Advance("fuzz", steps=1)).frame
        except TrainingDiverged as error:  # some settings diverge, and say so
            assert_sentence(str(error))
            return
    assert frame.step == 6


def assert_small(recipe) -> None:
    """Not a wide network or MNIST: that would take long and show nothing new."""
    if len(recipe["hidden"][0]) > 3 or recipe["dataset"] != "digits":
        raise RecipeError("Too large to train here.")
