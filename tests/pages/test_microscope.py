"""The Microscope: one image, all codes, the decoder, of runs with a posterior and of one without."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import wait_until
from vae_core.ui.server.state import engine
from vae_core.workers.errors import OutOfMemory

APP = str(Path(__file__).parents[2] / "app.py")
RULES = ["vae", "autoencoder", "full_covariance"]


def open_page(step: int = 60, **query: str) -> AppTest:
    """The page of a run that rests."""
    page = AppTest.from_file(APP, default_timeout=120)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64", **query})
    page.run()
    run = run_of(page)
    run.autoplay = False
    run.step(step)
    assert wait_until(lambda: run.header["step"] >= step, 60)
    return page.switch_page("pages/microscope.py").run()


def run_of(page: AppTest):
    return engine().runs[page.session_state["run"]]


def button(page: AppTest, words: str):
    return next(b for b in page.button if words in b.label)


def show(page: AppTest, part: str) -> AppTest:
    page.segmented_control(key="microscope_part").set_value(part).run()
    return page


def words(page: AppTest) -> str:
    return " ".join(element.value for element in [*page.caption, *page.info, *page.markdown])


def sound(page: AppTest) -> bool:
    return not page.exception and not page.error


@pytest.mark.parametrize("rule", RULES)
class TestParts:
    def test_one_image(self, rule):
        page = open_page(rule=rule)
        assert sound(page) and "step 60" in words(page) and "pseudo-likelihood" in words(page)
        assert len(page.get("plotly_chart")) == (3 if rule == "autoencoder" else 4)
        assert ("not defined for this rule. No posterior" in words(page)) == (rule == "autoencoder")
        assert ("may tilt would leave" in words(page)) == (rule == "vae")

    def test_all_codes(self, rule):
        page = show(open_page(rule=rule), "codes")
        assert sound(page)
        assert {"Label named by 10 neighbours", "Prior mass in holes"} <= {metric.label for metric in page.metric}
        assert ("not defined for this rule" in words(page)) == (rule == "autoencoder")
        assert len(page.get("plotly_chart")) == (2 if rule == "autoencoder" else 3)
        page.segmented_control(key="microscope_plane").set_value("holes").run()
        assert sound(page) and "rarer than" in words(page)

    def test_decoder(self, rule):
        page = show(open_page(rule=rule), "decoder")
        assert sound(page) and "mean at the codes" in words(page) and "ratio" in words(page)
        page.segmented_control(key="microscope_field").set_value("class").run()
        page.selectbox(key="microscope_edge").select(8).run()
        assert sound(page) and "A classifier" in words(page)
        page.selectbox(key="microscope_to").select("0").run()
        assert sound(page) and "Choose two classes" in words(page)

    def test_worst_images_are_shown_and_chosen(self, rule):
        page = open_page(rule=rule)
        button(page, "Where is the encoder wrong").click().run()
        assert sound(page)
        run, found = run_of(page), page.session_state["microscope_worst"][1]
        assert run.header["chosen"] == found["index"][0] and len(found["index"]) == 10
        assert ("Gain of a better code" if rule == "autoencoder" else "Gap in nats") in words(page)
        fourth = int(found["index"][3])
        page.button(key=f"microscope_worst_{fourth}").click().run()
        assert sound(page) and run.header["chosen"] == fourth
        page.switch_page("pages/playground.py").run()
        assert run_of(page) is run and run.header["chosen"] == fourth  # the stage shows the same image


@pytest.mark.parametrize("rule", ["mean_only", "noise_only", "flow", "offset"])
def test_other_rules(rule):
    page = open_page(rule=rule)
    assert sound(page) and sound(show(page, "codes"))


def test_next_image_and_class():
    page = open_page()
    run = run_of(page)
    before = run.header["chosen"]
    button(page, "Next image").click().run()
    assert run.header["chosen"] == before + 1
    page.selectbox(key="microscope_class").select("3").run()
    first = run.header["chosen"]
    assert first in run.header["strip"] and run.examine("microscope", coarse=True)["label"] == 3
    button(page, "Next image").click().run()
    assert run.header["chosen"] > first and run.examine("microscope", coarse=True)["label"] == 3
    assert sound(page)


def test_a_run_at_rest_is_asked_once(monkeypatch):
    page = open_page()
    run, asked = run_of(page), []
    examine = run.examine
    monkeypatch.setattr(run, "examine", lambda view, **args: asked.append(view) or examine(view, **args))
    show(show(page, "codes"), "image")
    once = list(asked)
    assert sorted(once) == ["code_quality", "together", "yardstick"]
    show(show(page, "codes"), "image")
    assert asked == once
    button(page, "Next image").click().run()
    assert asked[len(once) :] == ["microscope", "microscope_bounds"]
    asked.clear()
    run.switch(rule="mean_only")  # at the same step, and yet another run
    page.run()
    assert asked == ["microscope", "microscope_bounds"] and sound(page)


def test_a_run_that_plays_is_seen_in_short():
    page = open_page()
    button(page, "Play").click().run()
    assert sound(page) and len(page.get("plotly_chart")) == 3 and "Pause for the two parts" in words(page)
    assert wait_until(lambda: run_of(page).header["step"] > 60, 30)
    button(page, "Pause").click().run()
    assert sound(page) and len(page.get("plotly_chart")) == 4


def test_what_the_nats_are():
    assert "a true log-probability" in words(open_page(pixels="binarized"))
    assert "a log-density" in words(open_page(likelihood="gaussian"))


def test_noise_that_is_off_is_told():
    page = open_page(noise="0.3")
    assert "The noise is at 0.3: q is the posterior that the KL is charged for" in words(page)
    assert "The noise is at" not in words(open_page())


def test_a_lane_error_is_a_sentence(monkeypatch):
    page = open_page()

    def refuse(view, **args):
        raise OutOfMemory("The worker has no memory left.")

    monkeypatch.setattr(run_of(page), "examine", refuse)
    show(page, "codes")
    assert not page.exception and page.error[0].value == "The worker has no memory left."
