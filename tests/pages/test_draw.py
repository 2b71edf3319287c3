"""The Draw page's script: what it shows for a drawing, an empty canvas and every kind of rule; walks."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from vae_core.data.drawing import EXAMPLE, as_mnist, rasterise
from vae_core.run.packing import unpack
from vae_core.ui.server.state import engine

APP = str(Path(__file__).parents[2] / "app.py")
ONE = [[0.5, 0.2, 0.1, 0.5, 0.8, 0.1]]


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64", **query})
    page.run()
    return page.switch_page("pages/draw.py").run()


def run_of(page: AppTest):
    return engine().runs[page.session_state["run"]]


def shown(page: AppTest) -> tuple[dict, dict]:
    """The scene that the component was given."""
    return unpack(page.get("bidi_component")[0].proto.bytes)


@pytest.mark.parametrize("rule", ["vae", "autoencoder", "noise_only", "full_covariance", "flow"])
def test_opens_with_the_example(rule):
    page = open_page(rule=rule)
    assert not page.exception and not page.error
    header, arrays = shown(page)
    assert header["example"] and header["strokes"] == [list(stroke) for stroke in EXAMPLE]
    np.testing.assert_array_equal(arrays["painted"][0], as_mnist(rasterise(EXAMPLE)))
    assert (header["drawing"]["scale"] is None) == (rule in ("autoencoder", "flow"))
    assert len(arrays["walk"]) == 25 and len(header["nearest"]) == 5


def test_of_few_points_some_classes_have_no_test_image():
    page = open_page(points="10")
    assert not page.exception and not page.error
    run = run_of(page)
    labels = unpack(run.probe)[1]["labels"]
    offered = [run.info["classes"][label] for label in sorted(set(labels[list(run.header["strip"])]))]
    assert 1 < len(offered) < 10
    for box in page.selectbox[:2]:
        assert box.options == [f"Test image: {name}" for name in offered]


def test_a_drawing_and_an_empty_canvas():
    page = open_page()
    page.session_state["draw_strokes"] = ONE
    page.run()
    header, arrays = shown(page)
    np.testing.assert_array_equal(arrays["painted"][0], as_mnist(rasterise(ONE)))
    assert not header["example"] and header["say"] is None
    page.session_state["draw_strokes"] = []
    page.run()
    header, arrays = shown(page)
    assert not page.exception and not page.error
    assert header["say"] == "Nothing is drawn yet. Draw a digit." and "drawing" not in header
    assert "nearest" not in header and len(arrays["walk"]) == 25  # the walk between test images stays


def test_what_is_no_drawing_is_told():
    page = open_page()
    page.session_state["draw_strokes"] = [[0.1, 0.2]]
    page.run()
    assert not page.exception and "x, y and width" in shown(page)[0]["say"]


def test_a_drawing_is_kept_as_an_end_of_the_walk():
    page = open_page()
    before = shown(page)[1]
    page.session_state["draw_strokes"] = ONE
    button(page, "Keep as A").click().run()
    assert box(page, "Walk from A").value == "Kept drawing"
    page.session_state["draw_strokes"] = []
    box(page, "Walk to B").select("3").run()
    _, arrays = shown(page)
    np.testing.assert_array_equal(arrays["ends"][0], as_mnist(rasterise(ONE)))
    run = run_of(page)
    index = run.header["strip"][3]
    np.testing.assert_array_equal(arrays["ends"][1], unpack(run.images)[1]["images"][index])
    assert unpack(run.probe)[1]["labels"][index] == 3
    assert not np.array_equal(before["places"], arrays["places"])
    button(page, "Keep as B").click().run()
    assert "Nothing is drawn yet" in shown(page)[0]["say"] and box(page, "Walk to B").value == "3"
    box(page, "Walk from A").select("5").run()
    page.session_state["draw_strokes"] = [[0.3, 0.5, 0.1, 0.7, 0.5, 0.1]]
    button(page, "Keep as A").click().run()  # again
    assert box(page, "Walk from A").value == "Kept drawing"
    np.testing.assert_array_equal(shown(page)[1]["ends"][0], as_mnist(rasterise(page.session_state["draw_strokes"])))


def test_the_dense_way_and_its_animation():
    page = open_page()
    run_of(page).pause()
    straight = shown(page.run())[1]
    page.segmented_control(key="draw_way").set_value("dense").run()
    header, dense = shown(page)
    assert not page.exception and header["gap"] >= 0
    np.testing.assert_array_equal(dense["ends"], straight["ends"])
    np.testing.assert_allclose(dense["places"][[0, -1]], straight["places"][[0, -1]], atol=1e-5)
    assert np.abs(dense["places"] - straight["places"]).max() > 1e-3


def test_play_and_pause():
    page = open_page()
    run = run_of(page)
    assert run.playing
    button(page, "Pause").click().run()
    assert not run.playing
    button(page, "Play").click().run()
    assert run.playing


def button(page: AppTest, label: str):
    return next(each for each in page.button if each.label == label)


def box(page: AppTest, label: str):
    return next(each for each in page.selectbox if each.label == label)
