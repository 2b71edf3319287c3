"""The exact panel in Chromium: its numbers, its dots on the curve, and the true posterior on the plane."""

import numpy as np
import pytest

from tests.browser.conftest import SMALL
from tests.browser.test_playground import button, lab, wait

pytestmark = pytest.mark.browser
FEW = SMALL + "&points=500"


def shown(page, name: str) -> str:
    return page.locator(f"[data-exact={name}] b").inner_text()


def number(text: str) -> float:
    return float(text.replace("\u2212", "-"))


def test_a_vae_shows_its_numbers_and_they_add_up(open_page):
    page = open_page(FEW)
    wait(page, "window.noiseLab.step > 200 && window.noiseLab.exact?.gap > 0")
    beside_the_bound = page.get_by_test_id("curve-elbo").locator(".value.dots b")
    wait(page, "window.noiseLab.exact.behind")
    assert beside_the_bound.inner_text() == ""  # an older one would seem to be below the bound
    button(page, "play").click()
    wait(page, "window.noiseLab.exact.fine && window.noiseLab.exact.images === window.noiseLab.exact.of")
    exact = lab(page, "exact")
    assert exact["step"] == lab(page, "step") and not exact["behind"]
    assert number(beside_the_bound.inner_text()) == pytest.approx(-exact["logMarginal"], abs=0.06)
    assert exact["gap"] + exact["elbo"] == pytest.approx(exact["logMarginal"])
    assert exact["mutualInformation"] + exact["aggregateKl"] == pytest.approx(exact["kl"])
    assert number(shown(page, "log_marginal")) == pytest.approx(exact["logMarginal"], abs=0.06)
    assert number(shown(page, "gap")) == pytest.approx(exact["gap"], abs=0.006)
    assert number(shown(page, "mutual_information")) == pytest.approx(exact["mutualInformation"], abs=0.006)
    assert number(shown(page, "aggregate_kl")) == pytest.approx(exact["aggregateKl"], abs=0.006)
    title = page.locator("[data-exact=log_marginal]").get_attribute("title")
    assert "mean of the 297 test images" in title and "under N(0, I)" in title
    dots = lab(page, "marginals")
    assert dots["steps"][-1] == exact["step"] and dots["values"][-1] == exact["logMarginal"]
    assert dots["steps"] == sorted(set(dots["steps"]))
    bar = page.locator(".bar-of-kl").evaluate(
        "e => [e.style.getPropertyValue('--told'), e.style.getPropertyValue('--kl')]"
    )
    assert float(bar[0]) / float(bar[1]) == pytest.approx(exact["mutualInformation"] / exact["kl"])


def test_an_autoencoder_has_a_dash_that_says_why(open_page):
    page = open_page(FEW + "&rule=autoencoder")
    wait(page, "Number.isFinite(window.noiseLab.exact?.logMarginal)")
    assert lab(page, "exact")["gap"] is None
    for name in ("gap", "mutual_information", "aggregate_kl"):
        assert shown(page, name) == "\u2013"
        assert "posterior" in page.locator(f"[data-exact={name}]").get_attribute("title")
    assert number(shown(page, "log_marginal")) < 0
    assert page.get_by_test_id("curve-elbo").get_by_text("\u2212log p(x)").is_visible()


def test_a_flow_names_its_prior(open_page):
    page = open_page(FEW + "&rule=flow")
    wait(page, "Number.isFinite(window.noiseLab.exact?.logMarginal)")
    assert page.get_by_text("under the spline flow's prior").is_visible()


def test_what_was_measured_under_other_settings_is_not_shown(open_page):
    page = open_page(FEW)
    wait(page, "window.noiseLab.step > 200 && window.noiseLab.exact?.gap > 0")
    seen = page.evaluate("""() => new Promise((done) => {
      const root = [...document.querySelectorAll("*")].find((e) => e.shadowRoot?.querySelector(".lab")).shadowRoot;
      root.querySelector("[data-testid=noise]").click();
      const look = () => noiseLab.noise === 0 ? done([noiseLab.exact, noiseLab.step]) : requestAnimationFrame(look);
      look();
    })""")
    assert seen[0] is None
    wait(page, f"window.noiseLab.exact?.step >= {seen[1]}")  # but soon again
    button(page, "noise").click()
    wait(page, "window.noiseLab.noise === 1 && window.noiseLab.exact?.gap > 0")


def test_the_true_posterior_is_drawn_when_asked_for(open_page):
    page = open_page(f"{FEW}&learning_rate=0.0005")  # after little training it is wide
    wait(page, "window.noiseLab.step > 100 && window.noiseLab.exact?.gap > 0")
    assert lab(page, "posteriors") == 0 and button(page, "posterior").get_attribute("aria-pressed") == "false"
    button(page, "play").click()
    wait(page, "window.noiseLab.exact.step === window.noiseLab.step")
    wait(page, "window.noiseLab.exact.fine && window.noiseLab.exact.images === window.noiseLab.exact.of")
    wait(page, "window.noiseLab.atRest")
    before = coloured(page)
    button(page, "posterior").click()
    wait(page, "window.noiseLab.posteriors > 0")
    after = coloured(page)
    assert after > before + 20, (before, after)
    box = button(page, "plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 300)
    page.mouse.move(0, 0)
    page.wait_for_function("window.noiseLab.view.half > 4")
    page.wait_for_timeout(200)
    assert 0 < coloured(page) - before < after - before  # it is in the units of the axes


def coloured(page) -> int:
    """How many pixels of the plane's marks have the colour of what is exact."""
    return page.evaluate("""() => {
      const root = [...document.querySelectorAll("*")].find((e) => e.shadowRoot?.querySelector(".lab")).shadowRoot;
      const canvas = [...root.querySelectorAll(".field canvas")].at(-1);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const [red, green, blue] = [0x6a, 0x35, 0xc9];
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        const off = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
        count += data[i + 3] > 200 && off < 60;
      }
      return count;
    }""")


def test_scrubbing_shows_older_measures(open_page):
    page = open_page(FEW)
    wait(page, "window.noiseLab.step > 200 && window.noiseLab.marginals.steps.length >= 3")
    button(page, "play").click()
    wait(page, "window.noiseLab.exact.step === window.noiseLab.step")
    wait(page, "window.noiseLab.exact.fine && window.noiseLab.exact.images === window.noiseLab.exact.of")
    last, steps = lab(page, "exact"), lab(page, "marginals")["steps"]
    box = button(page, "timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    wait(page, f"!window.noiseLab.live && window.noiseLab.step < {last['step']}")
    page.wait_for_timeout(300)
    at, older = lab(page, "step"), lab(page, "exact")
    before = [step for step in steps if step <= at]
    assert (older and older["step"]) == (before[-1] if before else None), (at, steps)
    button(page, "live").click()
    wait(page, f"window.noiseLab.live && window.noiseLab.exact.step === {last['step']}")


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
@pytest.mark.parametrize("projector", [False, True])
def test_the_panel_is_in_sight_and_moves_nothing(open_page, size, projector):
    page = open_page(FEW, viewport={"width": size[0], "height": size[1]})
    if projector:
        button(page, "projector").click()
    places = "['plane', 'curve-elbo', 'exact', 'timeline'].map((id) => LAB.querySelector(`[data-testid=${id}]`))"
    measure = f"""() => {{
      const LAB = [...document.querySelectorAll("*")].find((e) => e.shadowRoot?.querySelector(".lab")).shadowRoot;
      return {places}.map((e) => e.getBoundingClientRect()).map(({{ x, y, width, height }}) => [x, y, width, height]);
    }}"""
    page.get_by_test_id("crowd").and_(page.locator(":empty")).wait_for(
        state="attached"
    )  # the last test's run has ended
    page.wait_for_timeout(300)
    before = np.array(page.evaluate(measure))
    wait(page, "window.noiseLab.exact?.gap !== null && window.noiseLab.marginals.steps.length >= 2")
    after = np.array(page.evaluate(measure))
    assert np.array_equal(before, after)
    x, y, width, height = after[2]
    assert x >= 0 and x + width <= size[0] and y + height <= after[3][1]
    inside = page.get_by_test_id("exact").evaluate(
        "e => [...e.children].every((c) => c.scrollWidth <= c.clientWidth + 1)"
    )
    assert inside
