"""Compare in Chromium: a preset is chosen and played, columns keep step, and what is done to one is seen in all."""

import re

import playwright.sync_api
import pytest

from tests.browser.test_playground import SMALLEST_TYPE, wait

pytestmark = pytest.mark.browser

TOGETHER = "new Set(window.noiseLab.steps).size === 1"


@pytest.fixture
def open_compare(browser, address):
    """Open the page by its own address, as a lecturer's link does; fails at the end if the page complained."""
    contexts, complaints = [], []

    def open_compare(query: str = "contrast=noise&dataset=digits&hidden=32&batch_size=64", **options):
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/compare?{query}")
        page.wait_for_function("window.noiseLab?.frames > 0", timeout=60_000)
        return page

    yield open_compare
    for context in contexts:
        context.close()
    assert not complaints


def lab(page, expression: str):
    return page.evaluate(f"window.noiseLab.{expression}")


def pause(page) -> None:
    page.get_by_test_id("play").click()
    wait(page, "!window.noiseLab.playing")
    page.wait_for_timeout(600)  # the round under way


def test_a_preset_is_chosen_and_all_columns_advance_to_the_same_step(open_compare):
    page = open_compare()
    wait(page, "window.noiseLab.step > 20")
    page.get_by_text("Normal batches").click()
    wait(page, "window.noiseLab.titles.length === 4 && window.noiseLab.titles[3] === 'Moment matching · batch 1,024'")
    wait(page, f"window.noiseLab.step > 20 && {TOGETHER}")
    assert "contrast=batch" in page.url
    pause(page)
    at = lab(page, "steps")
    assert len(at) == 4 and len(set(at)) == 1
    page.get_by_test_id("step").click()
    wait(page, f"window.noiseLab.steps.every(step => step === {at[0] + 1})")
    page.keyboard.press("Space")
    wait(page, f"window.noiseLab.playing && window.noiseLab.step > {at[0] + 5}")


def test_the_timeline_scrubs_all_and_returns(open_compare):
    page = open_compare("contrast=beta&dataset=digits&hidden=32&batch_size=64")
    wait(page, "window.noiseLab.step > 100")
    pause(page)
    last = lab(page, "step")
    box = page.get_by_test_id("timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    wait(page, f"!window.noiseLab.live && window.noiseLab.step < {last} && {TOGETHER}")
    at = lab(page, "step")
    page.keyboard.press("ArrowRight")
    wait(page, f"window.noiseLab.step > {at} && {TOGETHER}")
    page.get_by_test_id("live").click()
    wait(page, f"window.noiseLab.live && window.noiseLab.step === {last} && {TOGETHER}")


def test_a_switch_goes_to_one_run_or_to_all(open_compare):
    page = open_compare("contrast=mean&dataset=digits&hidden=32&batch_size=64")
    wait(page, "window.noiseLab.step > 20")
    page.get_by_test_id("noise").nth(1).click()
    wait(page, "window.noiseLab.noises.join() === '1,0'")
    wait(page, "window.noiseLab.titles.join() === 'VAE · noise on,Mean only · noise off'")
    page.wait_for_function("location.search.includes('run=') && location.search.includes('event')")
    page.get_by_test_id("target-all").click()
    page.get_by_test_id("noise").first.click()
    wait(page, "window.noiseLab.noises.join() === '0,0'")
    page.get_by_test_id("rule").nth(1).select_option("vae")
    wait(page, "window.noiseLab.titles.join() === 'VAE,VAE'")
    page.get_by_test_id("reset").click()
    wait(page, "window.noiseLab.step < 20 && window.noiseLab.noises.join() === '0,0'")


def test_zoom_and_pins_are_common(open_compare):
    page = open_compare()
    wait(page, "window.noiseLab.step > 60")
    pause(page)
    planes = page.get_by_test_id("plane")
    box = planes.nth(1).bounding_box()
    home = lab(page, "view")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = planes.first.screenshot()
    page.mouse.wheel(0, 300)
    wait(page, f"window.noiseLab.view.half > {home['half']}")
    page.wait_for_timeout(300)
    assert planes.first.screenshot() != before  # the other plane has moved too
    page.get_by_test_id("reset-view").click()
    wait(page, f"window.noiseLab.view.half === {home['half']}")
    # A point of the second plane, found by its code.
    place = page.evaluate(
        """([left, top, width, height, size]) => {
          const points = noiseLab.points[1];
          const scale = Math.min(width - 2.1 * size - 1, height - 1.7 * size - 1) / 8;
          const to = (i) => [left + 2.1 * size + (width - 2.1 * size - 1) / 2 + points[2 * i] * scale,
                             top + 1 + (height - 1.7 * size - 1) / 2 - points[2 * i + 1] * scale];
          const near = (i) => Math.hypot(points[2 * i], points[2 * i + 1]) < 2;
          const inside = [...Array(points.length / 2).keys()].filter(near);
          return to(inside[0]);
        }""",
        [box["x"], box["y"], box["width"], box["height"], 13],
    )
    page.mouse.move(*place)
    wait(page, "window.noiseLab.hovered !== null")
    page.mouse.click(*place)
    wait(page, "window.noiseLab.pinned !== null && window.noiseLab.chosen.every(i => i === window.noiseLab.pinned)")


def test_the_table_shows_the_difference_to_the_first_run(open_compare):
    page = open_compare()
    wait(page, "window.noiseLab.step > 30")
    pause(page)
    rows = [row.split("\t") for row in page.get_by_test_id("measures").inner_text().splitlines()]
    numbers = [[float(n.replace("−", "-")) for n in re.findall(r"[+−]?\d+\.\d+", "\t".join(row))] for row in rows[1:]]
    first, second = numbers
    assert len(first) == 4 and len(second) == 6  # −ELBO is not defined without the noise
    for place, (value, difference) in enumerate(zip(second[::2], second[1::2], strict=True)):
        assert abs(value - first[place] - difference) < 0.11, (first, second)
    assert abs(first[0] + first[2] - first[3]) < 0.11  # reconstruction and KL are −ELBO at β = 1


def test_a_link_holds_what_was_switched(open_compare):
    page = open_compare()
    wait(page, "window.noiseLab.step > 20")
    page.get_by_test_id("noise").nth(1).click()
    page.wait_for_function("location.search.includes('run=')")
    pause(page)
    again = open_compare(page.url.split("?", 1)[1])
    wait(again, "window.noiseLab.step > 0 && window.noiseLab.noises.join() === '1,0'")
    wait(again, "window.noiseLab.noises.join() === '1,1'")  # at the step of the link


def test_the_address_may_be_the_navigations(open_page):
    page = open_page()
    page.get_by_role("link", name="Compare").click()
    wait(page, "window.noiseLab?.titles?.join() === 'Noise on,Noise off'")


@pytest.mark.parametrize("contrast", ["noise", "batch"])
@pytest.mark.parametrize(
    ("size", "projector"), [((1366, 768), False), ((1366, 768), True), ((1920, 1080), False), ((1920, 1080), True)]
)
def test_everything_fits(open_compare, contrast, size, projector):
    page = open_compare(f"contrast={contrast}&dataset=digits&hidden=32", viewport={"width": size[0], "height": size[1]})
    wait(page, "window.noiseLab.step > 10")
    if projector:
        page.get_by_test_id("projector").click()
        wait(page, "window.noiseLab.step > 20")
        assert page.evaluate(SMALLEST_TYPE)["size"] >= 18
    for name in ("play", "plane", "timeline", "measures", "curve-elbo", "noise"):
        for element in page.get_by_test_id(name).all():
            box = element.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= size[0], (name, box)
            assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], (name, box)
            assert name != "plane" or min(box["width"], box["height"]) > (110 if projector else 150), box
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_phone_stacks_the_columns(open_compare):
    page = open_compare(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    first, second = (page.get_by_test_id("plane").nth(k).bounding_box() for k in (0, 1))
    assert first["width"] > 300 and second["y"] > first["y"] + 200
    playwright.sync_api.expect(page.get_by_test_id("timeline")).to_be_visible()
