"""The Playground in Chromium, as a lecturer uses it. Nothing here waits for a clock: it waits for the page."""

import re
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import numpy as np
import playwright.sync_api
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def wait(page, condition: str) -> None:
    page.wait_for_function(condition, timeout=30_000)


def lab(page, expression: str):
    return page.evaluate(f"window.noiseLab.{expression}")


def button(page, name: str):
    return page.get_by_test_id(name)


def points(page) -> np.ndarray:
    return np.array(page.evaluate("Array.from(window.noiseLab.points)"))


def test_a_run_starts_by_itself_and_the_plane_moves(open_page):
    page = open_page()
    wait(page, "window.noiseLab.playing && window.noiseLab.step > 20")
    before = points(page)
    wait(page, "window.noiseLab.step > 300")
    after = points(page)
    assert before.shape == after.shape and np.abs(before - after).max() > 0.05


def test_pause_step_and_play(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 10")
    button(page, "play").click()
    wait(page, "!window.noiseLab.playing")
    at = -1
    while at != (at := lab(page, "step")):
        page.wait_for_timeout(500)  # the slice under way
    button(page, "step").click()
    wait(page, f"window.noiseLab.step === {at + 1}")
    page.keyboard.press("Space")
    wait(page, f"window.noiseLab.playing && window.noiseLab.step > {at + 20}")


def test_noise_off_marks_the_curves_and_draws_meet_means(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 100 && window.noiseLab.meanDrawDifference > 0")
    assert lab(page, "repeatsSpread") > 0
    button(page, "noise").click()
    wait(page, "window.noiseLab.noise === 0 && window.noiseLab.meanDrawDifference === 0")
    wait(page, "window.noiseLab.events.some(e => e.label === 'noise off')")
    assert lab(page, "repeatsSpread") < 1e-6  # the same x 50 times: one dot
    page.keyboard.press("n")
    wait(page, "window.noiseLab.noise === 1 && window.noiseLab.meanDrawDifference > 0")
    assert [e["label"] for e in lab(page, "events")][-1] == "noise on"


@pytest.mark.parametrize("rule", ["autoencoder", "mean_only", "noise_only", "offset"])
def test_every_rule_in_mid_run(open_page, rule):
    page = open_page()
    wait(page, "window.noiseLab.step > 30")
    button(page, "rule").select_option(rule)
    wait(page, f"window.noiseLab.rule === '{rule}'")
    at = lab(page, "step")
    wait(page, f"window.noiseLab.step > {at + 30}")
    assert button(page, "message").is_hidden()
    if rule in ("autoencoder", "offset"):
        assert page.get_by_text("not defined for this rule").first.is_visible()


def test_knob_in_mid_run(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 30")
    field = page.get_by_role("spinbutton", name="KL weight")
    field.fill("4")
    field.press("Enter")
    wait(page, "window.noiseLab.events.some(e => e.label === 'β = 4')")


def test_timeline_back_and_live_again(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 200")
    slider = button(page, "timeline")
    playwright.sync_api.expect(slider).not_to_have_attribute("max", re.compile(r"^\d$"), timeout=30_000)  # it fills
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    wait(page, "!window.noiseLab.live && window.noiseLab.step < 150")
    wait(page, "window.noiseLab.atRest")
    at, early = lab(page, "step"), points(page)
    page.keyboard.press("ArrowLeft")
    wait(page, f"window.noiseLab.step < {at}")
    page.keyboard.press("ArrowRight")
    wait(page, f"window.noiseLab.step === {at}")
    wait(page, "window.noiseLab.atRest")
    assert np.abs(points(page) - early).max() < 0.05
    button(page, "live").click()
    wait(page, "window.noiseLab.live && window.noiseLab.step > 200")


def test_fork_from_the_past(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 200")
    playwright.sync_api.expect(button(page, "timeline")).not_to_have_attribute(
        "max", re.compile(r"^\d$"), timeout=30_000
    )
    box = button(page, "timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2)
    wait(page, "!window.noiseLab.live && window.noiseLab.step < 100")
    button(page, "fork").click()
    wait(page, "window.noiseLab.live && window.noiseLab.connected && window.noiseLab.step < 150")
    wait(page, "window.noiseLab.step > 150")


def test_hover_decodes_and_a_click_pins(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 50")
    box = button(page, "plane").bounding_box()
    for i in range(20):
        page.mouse.move(box["x"] + box["width"] * (0.3 + 0.02 * i), box["y"] + box["height"] * 0.5)
        page.wait_for_timeout(30)
    wait(page, "window.noiseLab.hoverDecodes > 5")
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    wait(page, "window.noiseLab.pinned !== null || window.noiseLab.hoverDecodes > 5")


def test_zoom_survives_frames_and_resets(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 20")
    home = lab(page, "view")
    box = button(page, "plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -400)
    wait(page, f"window.noiseLab.view.half < {home['half']}")
    zoomed, at = lab(page, "view"), lab(page, "step")
    wait(page, f"window.noiseLab.step > {at + 50}")
    assert lab(page, "view") == zoomed
    button(page, "reset-view").click()
    wait(page, f"window.noiseLab.view.half === {home['half']}")


def test_the_link_reproduces_the_run(open_page, address):
    page = open_page()
    wait(page, "window.noiseLab.step > 60")
    button(page, "noise").click()
    wait(page, "window.noiseLab.noise === 0 && window.noiseLab.step > 2 * window.noiseLab.events[0]?.step + 150")
    button(page, "play").click()
    wait(page, "!window.noiseLab.playing")
    page.wait_for_function("location.search.includes('event=')")
    query = urlsplit(page.url).query
    assert re.search(r"event=\d+,noise=0", query), query
    last = lab(page, "step")
    box = button(page, "timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    wait(page, f"!window.noiseLab.live && window.noiseLab.step < {last} && window.noiseLab.atRest")
    step, expected = lab(page, "step"), points(page)
    assert step > int(parse_qs(query)["event"][0].split(",")[0])

    again = open_page(query)
    again.get_by_test_id("speed-100").click()
    wait(again, f"window.noiseLab.step >= {step}")
    again.get_by_test_id("play").click()
    wait(again, "!window.noiseLab.playing")
    again.wait_for_timeout(500)  # the slice under way, and the timeline that ends with it
    kept = again.evaluate("window.noiseLab.step")
    again.keyboard.press("ArrowLeft")
    for _ in range(200):
        at = lab(again, "step")
        if at <= step:
            break
        again.keyboard.press("ArrowLeft")
        wait(again, f"window.noiseLab.step < {at}")
    assert lab(again, "step") == step, (kept, step)
    wait(again, "window.noiseLab.atRest")
    assert np.array_equal(points(again), expected)


def test_reset_starts_again_with_the_present_settings(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 300")
    button(page, "rule").select_option("mean_only")
    wait(page, "window.noiseLab.rule === 'mean_only'")
    button(page, "reset").click()
    wait(
        page,
        "window.noiseLab.step < 250 && window.noiseLab.rule === 'mean_only' && window.noiseLab.events.length === 0",
    )


def test_a_new_run_stays_after_a_reset(open_page):
    """What the browser moved to before must not come back at a later rerun of the page."""
    page = open_page()
    wait(page, "window.noiseLab.step > 50")
    button(page, "reset").click()
    wait(page, "window.noiseLab.step < 50 || window.noiseLab.step > 60")
    page.get_by_test_id("stExpandSidebarButton").click()
    for seed in ("7", "8"):
        expect(page.get_by_label("Seed")).to_have_count(1)  # while the page is made anew, the old form is there too
        page.get_by_label("Seed").fill(seed)
        page.get_by_role("button", name="Start").click()
        page.wait_for_function(f"location.search.includes('seed={seed}')", timeout=30_000)
    page.get_by_role("link", name="Flows").click()
    page.get_by_role("link", name="Playground").click()
    page.wait_for_function("location.search.includes('seed=8')", timeout=30_000)


def test_a_diverged_run_says_so_and_keeps_its_past(open_page):
    page = open_page("dataset=digits&hidden=32&learning_rate=10")
    message = button(page, "message")
    message.wait_for(state="visible", timeout=30_000)
    assert "no longer a number" in message.inner_text() and "learning rate" in message.inner_text()
    button(page, "timeline").focus()
    page.keyboard.press("ArrowLeft")
    assert lab(page, "step") is not None


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
@pytest.mark.parametrize("projector", [False, True])
def test_the_main_parts_need_no_scrolling(open_page, size, projector):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    if projector:
        button(page, "projector").click()
        wait(page, "window.noiseLab.step > 30")
    for name in ("play", "noise", "plane", "rule", "timeline", "curve-elbo", "curve-kl", "curve-reconstruction"):
        box = button(page, name).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0], (name, box)
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], (name, box)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if projector:
        smallest = page.evaluate(SMALLEST_TYPE)
        assert smallest["size"] >= 18, smallest


SMALLEST_TYPE = """() => {
  const host = [...document.querySelectorAll("*")].find(e => e.shadowRoot?.querySelector(".lab"));
  let least = {size: 1e9};
  const walk = document.createTreeWalker(host.shadowRoot.querySelector(".lab"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("style, script, option, math") || !parent.checkVisibility()) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    if (size < least.size) least = {size, text: node.data.trim().slice(0, 40), of: parent.className};
  }
  return least;
}"""


def test_a_phone_stacks_the_stations(open_page):
    page = open_page(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    plane = button(page, "plane").bounding_box()
    assert plane["width"] > 300 and plane["x"] >= 0


def test_back_brings_the_earlier_run(open_page):
    page = open_page()
    wait(page, "window.noiseLab.step > 20")
    button(page, "play").click()
    wait(page, "!window.noiseLab.playing")
    page.wait_for_timeout(1000)  # the slice under way
    step = page.evaluate("window.noiseLab.step")
    button(page, "reset").click()
    wait(page, "window.noiseLab.step === 0")
    page.go_back()
    wait(page, f"window.noiseLab.step === {step} && window.noiseLab.live")
    page.wait_for_selector("[data-test-script-state=notRunning]")  # the page has followed
    page.go_forward()
    wait(page, f"window.noiseLab.step !== {step}")  # it may have trained on


def test_the_page_takes_over_the_lab_that_was_there_before_it(open_page):
    """The lab that is drawn while Streamlit loads is the one that stays: one run, one socket, at one place."""
    page = open_page()
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.reload(wait_until="commit")
    labs = """() => [...document.querySelectorAll("*")].filter((e) => e.shadowRoot?.querySelector(".bar")).map((e) => {
        const { x, y, width } = e.shadowRoot.querySelector(".field").getBoundingClientRect();
        return [e.dataset.testid ?? "early", x, y, width];
    })"""
    page.wait_for_function("window.noiseLab?.frames > 0")
    [[name, *_]] = page.evaluate(labs)
    assert name == "early"
    page.evaluate("window.before = window.noiseLab")
    button(page, "projector").click()  # what is chosen early stays
    page.wait_for_selector("[data-testid=projector][aria-pressed=true]")
    [[_, *place]] = page.evaluate(labs)
    page.wait_for_selector("[data-testid=stBidiComponentIsolated] .field")
    wait(page, "window.noiseLab.step > 100")
    assert page.evaluate(labs) == [["stBidiComponentIsolated", *place]]
    assert button(page, "projector").get_attribute("aria-pressed") == "true"
    assert page.evaluate("window.noiseLab === window.before")
    assert ["early" in url for url in sockets if "/noise-lab/" in url] == [True]
    wait(page, "location.search.includes('rule=vae')")


def test_without_the_early_lab_the_page_works_as_before(open_page):
    page = open_page(wait=False)
    page.route_web_socket(re.compile("/noise-lab/early"), lambda socket: socket.close())
    page.reload()
    wait(page, "window.noiseLab?.step > 20")
    assert page.locator("[data-testid=stBidiComponentIsolated] .field").count() == 1


# Each way in which the lab before Streamlit was shown: it is hidden for a moment that a look from outside may miss.
WAYS_SHOWN = """window.waysShown = [];
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  const shadow = attach.call(this, options);
  const look = () => {
    const lab = this.parentNode === document.documentElement && shadow.querySelector(".lab");
    if (lab && waysShown.at(-1) !== lab.style.visibility) waysShown.push(lab.style.visibility);
  };
  new MutationObserver(look).observe(shadow, { subtree: true, childList: true, attributeFilter: ["style"] });
  return shadow;
};"""


def test_what_the_server_says_before_the_lab_is_there_is_not_lost(open_page):
    page = open_page()
    sockets, scripts = [], []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.route("**/main.js", lambda route: scripts.append(route))
    page.reload(wait_until="commit")
    wait(
        page, "window.noiseLabEarly?.messages.filter(({ data }) => typeof data !== 'string').length >= 2"
    )  # a frame, too
    assert not page.evaluate("Boolean(window.noiseLab)")
    scripts[0].continue_()
    wait(page, "window.noiseLab?.step > 20")
    assert ["early" in url for url in sockets if "/noise-lab/" in url] == [True]


def test_a_lab_whose_frame_is_late_is_shown_without_one(open_page):
    page = open_page(wait=False)
    page.route_web_socket(re.compile("/noise-lab/early"), lambda socket: None)  # it opens, and says nothing
    page.add_init_script(WAYS_SHOWN)
    page.reload(wait_until="commit")
    wait(page, "waysShown.join('|').endsWith('hidden|')")
    wait(page, "window.noiseLab?.step > 20")  # Streamlit's session opens the run


def test_a_bad_link_is_told_and_a_run_starts(open_page):
    page = open_page("rule=vea")
    assert page.get_by_text("Unknown rule 'vea'. Did you mean 'vae'?").is_visible()
    wait(page, "window.noiseLab.step > 0")


def test_the_address_keeps_what_lies_ahead_and_what_others_appended(open_page):
    page = open_page("utm_source=mail&event=500000,noise=0.0")
    wait(page, "window.noiseLab.step > 20 && location.search.startsWith('?rule=vae&')")  # it is the run's link now
    assert page.url.endswith("&event=500000,noise=0.0&utm_source=mail")


@pytest.mark.parametrize(("origin", "status"), [("http://elsewhere.example", 403), ("", 101)])
def test_only_pages_of_this_server_may_listen(open_page, address, origin, status):
    page = open_page()
    find = "performance.getEntriesByType('resource').map(e => e.name).find(n => n.includes('/noise-lab/images/'))"
    page.wait_for_function(find, timeout=30_000)  # listed when it has arrived
    images = page.evaluate(find)
    connection = HTTPConnection(urlsplit(address).netloc)
    key = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "A" * 22 + "==",
    }
    connection.request(
        "GET", urlsplit(images).path.replace("images", "live"), headers={**key, "Origin": origin or address}
    )
    assert connection.getresponse().status == status
    connection.close()
