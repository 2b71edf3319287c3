"""The Playground's script: every rule, every kind of link, the form for a new run."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import vae_core
from tests.small_sets import idx, numbers
from vae_core.ui.server.state import engine

APP = str(Path(__file__).parents[2] / "app.py")


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64", **query})
    return page.run()


def run_of(page: AppTest):
    return engine().runs[page.session_state["run"]]


@pytest.mark.parametrize("rule", vae_core.rules())
def test_each_rule_opens(rule):
    page = open_page(rule=rule, seed="4")
    assert not page.exception and not page.warning and not page.error
    recipe = run_of(page).record.recipe
    assert (recipe.rule, recipe.seed, recipe.hidden) == (rule, 4, (32,))
    assert page.selectbox[1].value == rule


def test_a_rerun_keeps_the_run():
    page = open_page()
    first = run_of(page).id
    assert run_of(page.run()).id == first


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"rule": "vea"}, "Unknown rule 'vea'. Did you mean 'vae'?"),
        ({"knob.beta": "NaN"}, "'beta' of rule 'vae' should be a finite number"),
        ({"knob.gamma": "1"}, "Unknown knob of rule 'vae' 'gamma'"),
        ({"dataset": "cifar"}, "Unknown data set 'cifar'"),
        ({"seed": "-1"}, "'seed' should be greater than or equal to 0"),
        ({"sed": "4"}, "Unknown setting in the link 'sed'. Did you mean 'seed'?"),
        ({"event": "5,noise=loud"}, "The event '5,noise=loud' of the link cannot be read"),
        ({"event": "5,rule=magic"}, "Unknown rule 'magic'"),
    ],
)
def test_a_bad_link_is_told_and_the_default_run_starts(query, words):
    page = open_page(**query)
    assert not page.exception
    assert words in page.warning[0].value and "\n" not in page.warning[0].value
    recipe = run_of(page).record.recipe
    assert recipe.rule == "vae" and recipe.hidden == (32,), "the rest of the link holds"


def test_what_others_append_to_a_link_is_left_alone():
    page = open_page(seed="4", utm_source="mail", user="somebody")
    assert not page.warning and run_of(page).record.recipe.seed == 4
    assert dict(page.query_params)["utm_source"] in ("mail", ["mail"])


def test_two_mistakes_in_a_link_give_the_default_run():
    page = open_page(seed="-1", rule="vea")
    assert "'seed'" in page.warning[0].value or "Unknown rule" in page.warning[0].value
    assert "rest of the link" not in page.warning[0].value and run_of(page).record.recipe.hidden != (32,)


def test_the_form_starts_a_new_run():
    page = open_page()
    first = run_of(page).id
    page.selectbox[1].select("mean_only")
    page.text_input[0].input("16-8")
    page.button[0].click().run()
    assert not page.exception
    run = run_of(page)
    assert run.id != first and run.record.recipe.rule == "mean_only" and run.record.recipe.hidden == (16, 8)


def test_a_bad_form_is_told_and_the_run_stays():
    page = open_page()
    first = run_of(page).id
    page.text_input[0].input("wide")
    page.button[0].click().run()
    assert not page.exception and "hidden" in page.error[0].value
    assert run_of(page).id == first and page.text_input[0].value == "wide"


def test_digits_in_place_of_mnist_are_announced(monkeypatch, tmp_path):
    """The banner of a data set is shown above the stage."""
    page = open_page()
    run_of(page).info["dataset"]["banner"] = "MNIST was not found."
    page.run()
    assert any("MNIST was not found." in info.value for info in page.info)


PART = {"train-labels-idx1-ubyte": idx(numbers(1)["train-labels-idx1-ubyte"])}


@pytest.mark.parametrize(
    "content", [None, {}, {"cat.csv": b"1,2,3"}, PART], ids=["absent", "empty", "something else", "a part"]
)
def test_a_wrong_folder_is_announced_as_such(monkeypatch, tmp_path, content):
    """Not as a mistake in the link, and with the way to add MNIST."""
    own = tmp_path / "own"
    if content is not None:
        own.mkdir()
    for name, raw in (content or {}).items():
        (own / name).write_bytes(raw)
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "cache"))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"hidden": "32"})
    page.run()
    assert not page.exception and not page.error and len(page.warning) == 1
    assert str(own) in page.warning[0].value and "Until then this run trains on" in page.warning[0].value
