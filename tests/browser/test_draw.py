"""The Draw page in Chromium, with a mouse and with a pen."""

from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError

from tests.browser.test_playground import wait

pytestmark = pytest.mark.browser

ONE = [(0.5, 0.2), (0.5, 0.8)]
ZERO = [(0.5, 0.2), (0.3, 0.5), (0.5, 0.8), (0.7, 0.5), (0.5, 0.2)]
ANSWERED = "window.noiseLabDraw.seq === window.noiseLabDraw.sent && window.noiseLabDraw.sent > 0"


@pytest.fixture
def open_draw(open_page):
    def open_draw(train: int = 0, **options):
        page = open_page(**options)
        wait(page, f"window.noiseLab.step >= {train}")
        page.get_by_role("link", name="Draw").click()
        wait(page, "window.noiseLabDraw?.scenes > 0")
        return page

    return open_draw


def fact(page, name: str):
    return page.evaluate(f"window.noiseLabDraw.{name}")


def places(page, stroke):
    box = page.get_by_test_id("pad").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def draw(page, stroke) -> None:
    first, *others = places(page, stroke)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    wait(page, ANSWERED)


def draw_with_a_pen(page, stroke, force: float) -> None:
    devtools = page.context.new_cdp_session(page)
    kinds = ["mousePressed", *["mouseMoved"] * (len(stroke) - 2), "mouseReleased"]
    for kind, (x, y) in zip(kinds, places(page, stroke), strict=True):
        event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1, "pointerType": "pen", "force": force}
        devtools.send("Input.dispatchMouseEvent", {**event, "buttons": int(kind != "mouseReleased")})
    wait(page, ANSWERED)


def ink(page, sheet: str) -> float:
    """How much darker than its paper a sheet of images is on the mean, on the light theme; 0 to 255."""
    pixels = page.locator(f"[data-sheet={sheet}]").evaluate(
        "sheet => Array.from(sheet.getContext('2d').getImageData(0, 0, sheet.width, sheet.height).data)"
    )
    return sum(255 - value for value in pixels[::4]) / (len(pixels) / 4)


def test_a_drawn_one_is_a_code_among_ones(open_draw):
    page = open_draw(train=1500)
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_text("Draw a digit here").is_visible() and fact(page, "mean")  # of the example
    example = fact(page, "mean")
    draw(page, ONE)
    wait(page, "window.noiseLabDraw.nearest?.[0] === '1'")
    assert page.get_by_text("Draw a digit here").is_hidden() and fact(page, "strokes") == 1
    assert fact(page, "near")[0][0] == "1" and fact(page, "mean") != example
    assert 5 < ink(page, "seen") < 60
    told = page.get_by_test_id("mean").inner_text().replace("−", "-").strip("()").split(", ")
    assert [float(value) for value in told] == pytest.approx(fact(page, "mean"), abs=0.006)
    assert page.get_by_test_id("nearest-labels").inner_text().split() == fact(page, "nearest")
    assert len(fact(page, "latencies")) == 1


def test_clear_undo_and_an_empty_canvas(open_draw):
    page = open_draw()
    draw(page, ONE)
    draw(page, ZERO)
    assert fact(page, "strokes") == 2
    page.get_by_test_id("undo").click()
    wait(page, f"window.noiseLabDraw.strokes === 1 && {ANSWERED}")
    page.get_by_test_id("clear").click()
    wait(page, f"window.noiseLabDraw.mean === null && {ANSWERED}")
    assert page.get_by_text("Nothing is drawn yet. Draw a digit.").is_visible()
    assert page.get_by_text("Draw a digit here").is_visible() and page.get_by_test_id("nearest").is_hidden()
    page.get_by_test_id("pad").focus()
    page.keyboard.press("Control+z")  # brings back what was cleared
    wait(page, f"window.noiseLabDraw.mean !== null && window.noiseLabDraw.strokes === 1 && {ANSWERED}")


def test_buttons_are_reached_by_keyboard(open_draw):
    page = open_draw()
    draw(page, ONE)
    page.get_by_role("slider", name="Pen width").focus()
    for name in ("undo", "clear"):
        page.keyboard.press("Tab")
        assert page.get_by_test_id(name).evaluate("button => button.getRootNode().activeElement === button")
    page.keyboard.press("Enter")
    wait(page, "window.noiseLabDraw.strokes === 0")


def test_a_pen_that_presses_draws_wider(open_draw):
    page = open_draw()
    widths = []
    for force in (0.2, 1.0):
        draw_with_a_pen(page, [(0.3, 0.2), (0.5, 0.5), (0.6, 0.6), (0.7, 0.8)], force)
        widths.append(ink(page, "seen"))
        page.get_by_test_id("clear").click()
        wait(page, f"window.noiseLabDraw.mean === null && {ANSWERED}")
    assert widths[1] > 1.3 * widths[0]


def test_the_picture_follows_the_pen_before_it_is_lifted(open_draw):
    page = open_draw()
    (x, y), *_ = places(page, ONE)
    page.mouse.move(x, y)
    page.mouse.down()
    seen = []
    for k in range(1, 5):
        page.mouse.move(x + 20 * k, y + 30 * k, steps=3)
        wait(page, f"window.noiseLabDraw.sent >= {k} && window.noiseLabDraw.mean")
        wait(page, "window.noiseLabDraw.seq > 0")
        seen.append(tuple(fact(page, "mean")))
    page.mouse.up()
    wait(page, ANSWERED)
    assert len(set(seen)) > 1


def test_it_goes_on_while_the_run_trains_and_is_never_torn_down(open_draw):
    page = open_draw()
    draw(page, ZERO)
    page.get_by_test_id("pad").evaluate("canvas => { canvas.mark = 'mine'; }")
    at, place = fact(page, "step"), fact(page, "mean")
    wait(page, f"window.noiseLabDraw.step > {at + 200}")
    assert fact(page, "mean") != place and fact(page, "strokes") == 1
    assert page.get_by_test_id("pad").evaluate("canvas => canvas.mark") == "mine"


def test_a_drawing_stays_when_one_looks_elsewhere(open_draw):
    page = open_draw()
    draw(page, ZERO)
    page.get_by_role("link", name="Flows").click()
    wait(page, "!window.noiseLabDraw")
    page.get_by_role("link", name="Draw").click()
    wait(page, "window.noiseLabDraw?.strokes === 1 && window.noiseLabDraw.mean")
    draw(page, ONE)
    assert fact(page, "strokes") == 2


def test_a_walk_from_a_drawing(open_draw):
    page = open_draw(train=300)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    draw(page, ONE)
    assert fact(page, "walk")[:2] != pytest.approx(fact(page, "mean"), abs=1e-4)
    page.get_by_role("button", name="Keep as A").click()
    # Not any other walk: the step that was under way at the pause may bring one, too.
    wait(page, "(({ walk, mean }) => [0, 1].every((k) => Math.abs(walk[k] - mean[k]) < 1e-4))(window.noiseLabDraw)")
    straight = fact(page, "walk")
    page.get_by_text("Where codes are dense").click()
    wait(page, f"window.noiseLabDraw.walk[24] !== {straight[24]}")
    assert fact(page, "walk")[:2] == straight[:2] and fact(page, "walk")[-2:] == straight[-2:]
    assert ink(page, "strip") > 5
    assert downloaded(page, "GIF").read_bytes()[:6] == b"GIF89a"


def downloaded(page, name: str) -> Path:
    """What a button gives. Streamlit takes away what it has offered as soon as the page runs anew: a late picture may
    do that while the button is pressed, and whoever wants the file presses it again."""
    for last in (False, False, True):
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        try:
            with page.expect_download(timeout=60_000 if last else 15_000) as download:
                page.get_by_role("button", name=name).click()
            return download.value.path()
        except TimeoutError:
            if last:
                raise
    raise AssertionError


def test_a_rule_without_a_posterior(open_draw):
    page = open_draw(query="dataset=digits&hidden=64-32&batch_size=64&rule=autoencoder")
    assert page.get_by_test_id("scale").inner_text() == "not defined for this rule"


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_all_of_it_is_seen_without_scrolling(open_draw, size):
    page = open_draw(viewport={"width": size[0], "height": size[1]})
    for name in ("pad", "chart", "seen", "nearest-labels", "strip", "undo", "clear"):
        box = page.get_by_test_id(name).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0], (name, box)
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], (name, box)
    labels, strip = (page.get_by_test_id(name).bounding_box() for name in ("nearest-labels", "strip"))
    assert labels["y"] + labels["height"] <= strip["y"]
    assert page.get_by_test_id("pad").bounding_box()["width"] >= 400
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
