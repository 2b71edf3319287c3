"""The Flows page: the run's flow, the switch to one, and the views."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import wait_until
from vae_core.ui.server.state import engine

APP = str(Path(__file__).parents[2] / "app.py")


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "16", "batch_size": "16", "points": "200", **query})
    page.run()
    return page.switch_page("pages/flows.py").run()


def run_of(page: AppTest):
    return engine().runs[page.session_state["run"]]


def control(page: AppTest, label: str):
    return next(group for group in page.segmented_control if group.label == label)


def button(page: AppTest, words: str):
    return next(b for b in page.button if words in b.label)


def trained(page: AppTest, step: int) -> bool:
    return wait_until(lambda: run_of(page).header["step"] >= step, 30)


@pytest.mark.parametrize("rule", ["flow", "continuous_flow"])
@pytest.mark.parametrize("view", ["to", "back", "density"])
def test_each_view_of_each_flow(rule, view):
    page = open_page(rule=rule)
    control(page, "Show").set_value(view).run()
    assert not page.exception and not page.error
    assert [metric.label for metric in page.metric] == ["Flow", "Fitted Gaussian", "N(0, I)"]
    assert len(page.get("plotly_chart")) == 3


@pytest.mark.parametrize("title", ["spline flow", "continuous flow"])
def test_a_run_without_a_flow_is_switched_and_trained(title):
    page = open_page(rule="vae")
    assert "VAE has no flow" in page.subheader[0].value and not page.get("plotly_chart")
    run = run_of(page)
    button(page, title).click().run()
    assert not page.exception and run_of(page) is run
    assert run.header["rule"] == title.replace("spline ", "").replace(" ", "_")
    assert trained(page, 300)
    page.run()
    assert len(page.get("plotly_chart")) == 3


def test_training_goes_on_by_a_portion_and_stops():
    page = open_page(rule="flow")
    assert "step 0" in page.caption[0].value
    button(page, "Train 300").click().run()
    assert trained(page, 300)
    page.run()
    assert "step 300" in page.caption[0].value and run_of(page).header["step"] == 300


def test_flow_and_mode_are_switched_in_mid_run():
    page = open_page(rule="flow")
    control(page, "Trained").set_value("prior").run()
    assert not page.exception and run_of(page).header["knobs"]["mode"] == "prior"
    assert trained(page, 300)
    control(page, "Flow").set_value("continuous_flow").run()
    assert not page.exception and run_of(page).header["rule"] == "continuous_flow"
    assert control(page, "Trained").value == "frozen" and len(control(page, "Trained").options) == 2
    assert trained(page, 600)


def test_the_playground_shows_the_same_run():
    page = open_page(rule="flow")
    run = run_of(page)
    page.switch_page("pages/playground.py").run()
    assert run_of(page) is run
