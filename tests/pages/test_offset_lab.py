"""The Offset lab's script: controls that steer the run, bad tables that leave it as it was."""

import io
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from vae_core.data.tables import path_of
from vae_core.ui.server.state import engine
from vae_core.workers.errors import LaneError

APP = str(Path(__file__).parents[2] / "app.py")


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64", "rule": "offset", **query})
    page.run()
    return page.switch_page("pages/offset_lab.py").run()


def run_of(page: AppTest):
    return engine().runs[page.session_state["run"]]


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("f", ["second_encoder", "random_network", "table", "property"])
def test_opens_with_each_f(f):
    page = open_page(**{"knob.f": f})
    assert not page.exception and not page.error
    assert page.selectbox(key="offset_knob_f").value == f
    assert [metric.label for metric in page.metric] == ["Seen, nats", "Unseen, nats", "Gap"]
    assert any("Largest difference of the two z: 0." in caption.value for caption in page.caption)


def test_controls_steer_the_run():
    page = open_page()
    page.selectbox(key="offset_knob_f").select("table").run()
    page.selectbox(key="offset_knob_unseen").select("nearest").run()
    page.toggle(key="offset_knob_normalise").set_value(True).run()
    page.slider(key="offset_knob_a").set_value(0.5).run()
    assert not page.exception and not page.error
    knobs = run_of(page).header["knobs"]
    assert (knobs["f"], knobs["unseen"], knobs["normalise"], knobs["a"]) == ("table", "nearest", True, 0.5)
    page.selectbox(key="offset_knob_f").select("property").run()
    page.selectbox(key="offset_knob_property").select("slant").run()
    assert run_of(page).header["knobs"]["property"] == "slant"


def test_another_rule_is_switched_with_one_click():
    page = open_page(rule="vae")
    assert "has no offset" in page.subheader[0].value
    page.button[-1].click().run()
    assert not page.exception and run_of(page).header["rule"] == "offset" and page.metric


def test_an_own_table_without_a_file_is_told():
    page = open_page(**{"knob.f": "table"})
    page.selectbox(key="offset_knob_f").select("own_table").run()
    assert "There is no table of your own yet" in page.error[0].value
    assert page.selectbox(key="offset_knob_f").value == run_of(page).header["knobs"]["f"] == "table"
    page.run()
    assert not page.error


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (npy(np.zeros((7, 2))), "t.npy", "should have 20 rows, one for each training image; it has 7"),
        (npy(np.zeros((20, 3))), "t.npy", "has the shape (20, 3)"),
        (npy(np.full((20, 2), np.nan)), "t.npy", "Row 1, column 1 of t.npy is nan"),
        (b"x,y\n", "t.csv", "'x', not a number"),
    ],
)
def test_a_bad_table_leaves_the_old_offset(data, name, words):
    page = open_page(train_size="20")
    page.file_uploader(key="offset_file").upload(name, data).run()
    assert not page.exception and words in page.error[0].value
    assert run_of(page).header["knobs"]["f"] == "table"
    step = run_of(page).header["step"]
    run_of(page).step(1)
    assert run_of(page).status != "diverged" and run_of(page).header["step"] >= step


def test_a_good_table_is_used():
    page = open_page(train_size="20")
    table = np.random.default_rng(5).normal(size=(20, 2))
    page.file_uploader(key="offset_file").upload("own.npy", npy(table)).run()
    assert not page.exception and not page.error
    run = run_of(page)
    assert run.header["knobs"]["f"] == "own_table"
    side = run.examine("offset_codes")["seen"]
    np.testing.assert_allclose(side["after"] - side["before"], table[side["rows"]], rtol=1e-3, atol=1e-3)
    path_of(run.header["knobs"]["table"]).unlink()
    with pytest.raises(LaneError, match="no table"):
        run.switch(knobs={"a": 2.0})


def test_the_mean_of_several_encoders_has_a_tab():
    page = open_page(encoders="2")
    assert not page.exception and not page.error
    assert page.tabs[-1].label == "Mean of 2"
