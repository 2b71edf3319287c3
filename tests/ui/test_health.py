"""Health, readiness and figures of a running server, and who may ask for them."""

import time
import urllib.error
import urllib.request
from concurrent.futures import Future

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from tests.browser.server import app_server
from vae_core.ui.server import health
from vae_core.ui.server.admin import TOKEN, has_token, is_token
from vae_core.ui.server.state import engine
from vae_core.workers.errors import LaneLost

SECRET = "the-token-of-this-class"


def ask(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def server():
    with app_server(**{TOKEN: SECRET}) as address:
        yield address + "/noise-lab"


def test_health_and_readiness(server):
    """It answers at once, and is ready some seconds later, when the lanes have imported torch."""
    assert ask(f"{server}/health") == (200, "The server answers.\n")
    end = time.monotonic() + 60
    while (answer := ask(f"{server}/ready"))[0] == 503 and time.monotonic() < end:
        assert answer[1] == "Starting: workers that still import what they need: 1.\n"
        time.sleep(0.1)
    assert answer == (200, "The workers are ready.\n")


def values(text: str) -> dict[str, float]:
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def test_metrics_for_this_machine(server):
    status, text = ask(f"{server}/metrics", Origin="http://elsewhere.example")
    assert status == 200
    found = values(text)
    assert found["noise_lab_lanes"] == 1 and found["noise_lab_lost_workers_total"] == 0
    assert 5e7 < found["process_resident_memory_bytes"] < 1e9 and found["process_cpu_seconds_total"] > 0.1
    assert 1e8 < found["noise_lab_worker_resident_memory_bytes"] < 2e9


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Authorization": f"Bearer {SECRET}"}, 200),
        ({"Authorization": f"bearer {SECRET}"}, 200),
        ({"Authorization": f"Bearer {SECRET}x"}, 403),
        ({"Authorization": f"Bearer {SECRET[:-1]}"}, 403),
        ({"Authorization": "Bearer "}, 403),
        ({"Authorization": f"Basic {SECRET}"}, 403),
        ({"Authorization": SECRET}, 403),
    ],
)
@pytest.mark.parametrize("through", ["X_Forwarded_For", "Forwarded", "X_Real_IP"])
def test_metrics_from_elsewhere_need_the_token(server, headers, status, through):
    """What comes through a proxy on this machine is from elsewhere, whatever it says of itself."""
    for address in ("203.0.113.7", "127.0.0.1"):
        found, text = ask(f"{server}/metrics", **headers, **{through: address})
        assert found == status and (status == 200 or (TOKEN in text and "noise_lab_lanes" not in text))


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        (("127.0.0.1", 1), {}, True),
        (("::1", 1), {}, True),
        (("::ffff:127.0.0.1", 1), {}, True),
        (("192.0.2.2", 1), {}, False),
        (("::ffff:192.0.2.2", 1), {}, False),
        (("127.0.0.1", 1), {"x-forwarded-for": "192.0.2.9"}, False),
        (None, {}, False),
    ],
)
def test_who_is_on_this_machine(client, headers, local):
    encoded = [(name.encode(), text.encode()) for name, text in headers.items()]
    assert health.is_local(Request({"type": "http", "client": client, "headers": encoded})) is local


def test_the_token(monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    assert not has_token() and not is_token("") and not is_token("x")
    monkeypatch.setenv(TOKEN, "schlüssel-der-vorlesung")
    assert has_token() and is_token("schlüssel-der-vorlesung")
    assert not any(map(is_token, ("", "schlüssel-der-vorlesun", "x", "\ud800")))
    monkeypatch.setenv(TOKEN, "guess me")
    with pytest.raises(SystemExit, match=r"should have at least 16 characters; it has 8\."):
        has_token()


def test_metrics_are_the_engines_figures():
    run = engine().open({"dataset": "digits", "hidden": [8]}, points=10)
    try:
        found, figures = values(health.exposition(engine()).decode()), engine().figures()
        assert {f"noise_lab_{name}" for name in health.FIGURES} <= set(found)
        still = {name for name in health.FIGURES if name != "waiting"}
        assert {name: found[f"noise_lab_{name}"] for name in still} == {name: figures[name] for name in still}
        assert found["noise_lab_runs"] >= 1 and found["noise_lab_frame_bytes"] >= run.newest.size
        assert set(figures) == {*health.FIGURES, "lost"}
    finally:
        engine().close(run)


def test_a_lane_that_is_lost_before_it_answers_is_asked_again(monkeypatch):
    asked: list[tuple[int, Future]] = []

    class Two:
        pool = property(lambda self: self)

        def figures(self):
            return {"lanes": 2}

        def request(self, lane, request):
            asked.append((lane, Future()))
            return asked[-1][1]

    monkeypatch.setattr(health, "engine", Two)
    answers: dict = {}
    assert health.starting(answers) == 2 and [lane for lane, _ in asked] == [0, 1]
    asked[0][1].set_result([])
    asked[1][1].set_exception(LaneLost())
    assert health.starting(answers) == 1 and [lane for lane, _ in asked] == [0, 1, 1]
    assert health.starting(answers) == 1 and len(asked) == 3
    asked[2][1].set_result([])
    assert health.starting(answers) == 0 and len(asked) == 3
