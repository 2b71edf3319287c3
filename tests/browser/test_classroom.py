"""A lecturer shares a run, and students watch it in browsers of their own."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SMALL, TAKEN_OVER
from tests.browser.test_playground import lab, points, wait
from tests.conftest import wait_until

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


@pytest.fixture
def open_at(browser, address):
    """Open a path in a browser of its own; fails at the end if a page complained."""
    contexts, complaints = [], []

    def open_at(path: str, prepare=None, frames: int = 1, **options):
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if prepare:
            prepare(page)
        page.goto(f"{address}/{path}")
        if frames:
            wait(page, f"window.noiseLab?.frames >= {frames} && {TAKEN_OVER}")
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert not complaints


def share(page) -> str:
    """Open a room; its code."""
    page.get_by_test_id("share").click()
    code = page.get_by_test_id("room-code")
    expect(code).to_have_text(re.compile(r"\w{3} \w{3}"), timeout=30_000)
    return code.text_content().replace(" ", "")


def rests(page: Page) -> bool:
    """Whether no slice is under way any more: nothing on the page tells, but its frame comes within a second."""
    step = lab(page, "step")
    page.wait_for_timeout(1000)
    return lab(page, "step") == step


def test_a_class_from_joining_to_the_fork(open_at):
    presenter = open_at(f"?{SMALL}")
    code = share(presenter)
    assert presenter.get_by_test_id("room-link").text_content().endswith("/join")
    assert presenter.locator(".qr svg").bounding_box()["width"] >= 224
    student = open_at(f"join?code={code.lower()}")
    expect(presenter.get_by_test_id("watching")).to_have_text("1", timeout=30_000)
    expect(student.get_by_test_id("people")).to_have_text("1 watching")

    at = lab(student, "step")
    wait(student, f"window.noiseLab.step > {at} && window.noiseLab.playing")

    # what steers is shown and does not steer
    for control in ("play", "reset", "share"):
        assert student.get_by_test_id(control).is_hidden()
    assert student.get_by_text("steered by the presenter").is_visible()
    student.get_by_test_id("noise").click(force=True)
    student.keyboard.press("n")
    student.keyboard.press("Space")
    presenter.get_by_test_id("back-to-stage").click()
    presenter.get_by_test_id("noise").click()
    wait(student, "window.noiseLab.noise === 0 && window.noiseLab.playing")
    assert [e["label"] for e in lab(presenter, "events")] == ["noise off"]
    presenter.get_by_test_id("play").click()
    wait(student, "!window.noiseLab.playing")

    # the same codes, to the step of the quantisation
    def codes_agree() -> bool:
        ours, theirs = points(presenter).reshape(-1, 2), points(student).reshape(-1, 2)[:-1]
        apart = np.abs(theirs[:, None] - ours[None]).max(2).min(1).max()
        return bool(apart < 1e-3 and len(np.unique(np.round(theirs, 3), axis=0)) > 50)

    # After the slice under way, and the dots' glide there, each at its own pace.
    assert wait_until(lambda: rests(presenter) and lab(presenter, "step") == lab(student, "step") and codes_agree())
    last = lab(presenter, "step")

    # the student looks back on their own, hovers there, and comes back
    box = student.get_by_test_id("timeline").bounding_box()
    student.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    wait(student, f"!window.noiseLab.live && window.noiseLab.step < {last}")
    past = lab(student, "step")
    field = student.get_by_test_id("plane").bounding_box()
    student.mouse.move(field["x"] + field["width"] / 2, field["y"] + field["height"] / 2)
    wait(student, f"window.noiseLab.decoderStep === {past} && window.noiseLab.hoverDecodes > 0")
    assert lab(presenter, "live") and lab(presenter, "step") == last

    # and forks from there, while the presenter goes on
    presenter.get_by_test_id("play").click()
    student.get_by_test_id("fork").click()
    student.wait_for_url(re.compile(r"/(\?.*)?$"), timeout=30_000)
    wait(student, f"window.noiseLab?.live && window.noiseLab.step >= {past} && !document.title.includes('Join')")
    expect(student.get_by_test_id("play")).to_be_visible()
    student.get_by_test_id("noise").click()
    wait(student, "window.noiseLab.noise !== null && window.noiseLab.events.length > 0")
    wait(presenter, f"window.noiseLab.playing && window.noiseLab.noise === 0 && window.noiseLab.step > {last}")
    expect(presenter.get_by_test_id("share")).to_have_text(re.compile("0 watching"), timeout=30_000)


def test_a_poll_on_a_phone(open_at):
    presenter = open_at(f"?{SMALL}")
    code = share(presenter)
    phone = open_at(f"join?code={code}", **PHONE)
    presenter.get_by_test_id("question").fill("Is <b>σ</b> small?")
    for place, answer in enumerate(("Yes", "No", "It depends"), 1):
        if place == 3:
            presenter.get_by_test_id("more-answers").click()
        presenter.get_by_test_id(f"option-{place}").fill(answer)
    presenter.get_by_test_id("ask").click()
    poll = phone.get_by_test_id("poll")
    expect(poll).to_contain_text("Is <b>σ</b> small?", timeout=30_000)  # what is typed is text
    button = phone.get_by_test_id("answer-1").bounding_box()
    assert button["height"] >= 44 and button["width"] >= 224
    phone.get_by_test_id("answer-1").tap()
    expect(phone.get_by_test_id("answer-1")).to_have_attribute("aria-pressed", "true")
    phone.get_by_test_id("answer-2").tap()
    bars = presenter.get_by_test_id("result").locator(".bars b")
    expect(bars).to_have_text(["0", "0", "1"], timeout=30_000)
    assert not poll.get_by_text("%").count()
    phone.reload()
    wait(phone, "window.noiseLab?.frames > 0")
    expect(phone.get_by_test_id("answer-2")).to_have_attribute("aria-pressed", "true", timeout=30_000)
    presenter.get_by_test_id("stop-and-show").click()
    expect(poll).to_contain_text("1 (100 %)", timeout=30_000)
    expect(phone.get_by_test_id("answer-0")).to_be_disabled()
    phone.get_by_test_id("fold-poll").click()
    expect(poll).to_be_hidden()
    plane = phone.get_by_test_id("plane").bounding_box()
    assert plane["width"] > 330 and plane["y"] + plane["height"] < 700  # the plane is in sight at once
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    presenter.get_by_test_id("new-question").click()
    presenter.get_by_test_id("lesson-question").select_option("scale")
    presenter.get_by_test_id("ask").click()
    expect(poll).to_contain_text("How large is the typical σ", timeout=30_000)
    presenter.get_by_test_id("unshare").click()
    expect(phone.get_by_test_id("ended")).to_contain_text("The presenter has closed this room.", timeout=30_000)
    expect(presenter.get_by_test_id("share")).to_have_text("Share with the class")


def test_a_wrong_code_is_told_and_may_be_typed_again(open_at):
    presenter = open_at(f"?{SMALL}")
    code = share(presenter)
    page = open_at("join?code=ABC-2345", frames=0)
    expect(page.get_by_text("There is no open room ABC2345")).to_be_visible(timeout=30_000)
    page.get_by_placeholder("ABC 234").fill(f"{code[:3]} {code[3:]}".lower())
    page.get_by_role("button", name="Join").click()
    wait(page, "window.noiseLab?.frames > 0")


def test_the_class_follows_the_presenter(open_at):
    presenter = open_at(f"?{SMALL}&rule=mean_only")
    code = share(presenter)
    student = open_at(f"join?code={code}")
    wait(student, "window.noiseLab.step > 30")
    presenter.get_by_test_id("back-to-stage").click()
    presenter.get_by_test_id("rule").select_option("autoencoder")
    wait(student, "window.noiseLab.rule === 'autoencoder'")
    at = lab(student, "step")
    presenter.get_by_test_id("reset").click()
    wait(student, f"window.noiseLab.step < {at} && window.noiseLab.rule === 'autoencoder'")
    wait(presenter, "window.noiseLab.events.length === 0")  # the presenter's page has moved, too
    expect(presenter.get_by_test_id("share")).to_have_text(
        re.compile(f"{code[:3]} {code[3:]} · 1 watching"), timeout=30_000
    )
    wait(presenter, "window.noiseLab.step > 60")
    presenter.reload()  # the same run again, not a new one
    wait(presenter, "window.noiseLab?.frames > 0")
    expect(presenter.get_by_test_id("share")).to_have_text(re.compile("1 watching"), timeout=30_000)
    at = lab(student, "step")
    wait(student, f"window.noiseLab.step > {at}")
    assert student.get_by_test_id("ended").is_hidden()


class Wire:
    """What lies between a browser and the server's own sockets: it can be cut, or go dead without a word."""

    def __init__(self, page) -> None:
        self.refuses, self.open = False, []
        page.route_web_socket(re.compile(r"/noise-lab/"), self._join)

    def _join(self, browser) -> None:
        if self.refuses:
            browser.close()
            return
        server = browser.connect_to_server()
        line = {"dead": False}
        self.open.append((browser, line))
        browser.on_message(lambda message: None if line["dead"] else server.send(message))
        server.on_message(lambda message: None if line["dead"] else browser.send(message))

    def cut(self) -> None:
        browser, _ = self.open[-1]
        browser.close()

    def die(self) -> None:
        self.open[-1][1]["dead"] = True


@pytest.mark.parametrize("watching", [True, False])
def test_a_lost_connection_comes_back_by_itself(open_at, watching):
    wires = []
    presenter = open_at(f"?{SMALL}", prepare=None if watching else lambda page: wires.append(Wire(page)))
    page = presenter
    if watching:
        code = share(presenter)
        page = open_at(f"join?code={code}", prepare=lambda page: wires.append(Wire(page)))
    [wire] = wires
    wait(page, "window.noiseLab.step > 30")
    wire.refuses = True
    wire.cut()
    expect(page.get_by_test_id("offline")).to_have_text("Connection lost. Reconnecting …")
    expect(page.get_by_test_id("offline")).to_be_visible()
    wire.refuses = False
    wait(page, "window.noiseLab.connected")
    at = lab(page, "step")
    wait(page, f"window.noiseLab.step > {at}")
    assert page.get_by_test_id("offline").is_hidden() and len(wire.open) == 2
    wire.die()  # another network: no word from anybody, and the socket looks open
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wait(page, "!window.noiseLab.connected")
    wait(page, "window.noiseLab.connected")
    at = lab(page, "step")
    wait(page, f"window.noiseLab.step > {at}")


def test_a_laptop_that_slept_finds_its_run_again(open_at):
    wires = []

    def prepare(page):
        page.clock.install()
        wires.append(Wire(page))

    page = open_at(f"?{SMALL}", prepare=prepare)
    wait(page, "window.noiseLab.step > 30")
    wires[0].die()
    page.clock.fast_forward("10:00")
    page.clock.run_for(10_000)
    wait(page, "window.noiseLab.connected")
    at = lab(page, "step")
    wait(page, f"window.noiseLab.step > {at}")
    assert len(wires[0].open) >= 2


def test_a_run_that_the_server_does_not_know_makes_the_page_look_for_another(open_at):
    wires, asked = [], []

    def prepare(page):
        wires.append(Wire(page))
        page.on("websocket", lambda s: "_stcore" in s.url and s.on("framesent", lambda frame: asked.append(frame)))

    page = open_at(f"?{SMALL}", prepare=prepare)
    wait(page, "window.noiseLab.step > 30")
    page.wait_for_timeout(500)
    before = len(asked)
    for _ in range(2):
        wires[0].open[-1][0].send('{"type": "gone"}')
        page.wait_for_timeout(500)
    assert len(asked) == before + 1  # once: the page's script has run again
    at = lab(page, "step")
    wait(page, f"window.noiseLab.connected && window.noiseLab.step > {at}")
