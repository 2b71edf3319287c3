"""Whether the server answers and is ready, and its figures for Prometheus."""

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from ipaddress import ip_address
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vae_core.engine.engine import FIGURES, LOST, Engine
from vae_core.ui.server.address import LAB, served
from vae_core.ui.server.admin import TOKEN, has_token, is_token
from vae_core.ui.server.guard import objection
from vae_core.ui.server.state import engine
from vae_core.workers.messages import DescribeRules

NO_SOCKET = (
    "The server answers, but the connection over which pictures come does not open: a proxy or a firewall on the way "
    "lets no WebSocket through. A proxy has to hand on Upgrade and Connection (nginx: proxy_http_version 1.1; "
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";).'
)


class Figures(Collector):
    """An engine's figures when they are asked for, and memory and processor time of its workers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        figures = self.engine.figures()
        for name, words in FIGURES.items():
            yield GaugeMetricFamily(f"noise_lab_{name}", words, figures[name])
        yield CounterMetricFamily("noise_lab_lost_workers", LOST, figures["lost"])
        workers: dict[str, Metric] = {}
        for lane, pid in enumerate(self.engine.pool.pids()):
            for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                name, sample = worker(metric.name), metric.samples[0]
                family = workers.setdefault(name, Metric(name, metric.documentation, metric.type))
                family.add_sample(worker(sample.name), {"lane": str(lane)}, sample.value)
        yield from workers.values()


def worker(name: str) -> str:
    """What a figure of a process is called where the process is a worker."""
    return name.replace("process_", "noise_lab_worker_")


def exposition(engine: Engine) -> bytes:
    """The figures of an engine and of this process, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(Figures(engine))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def starting(answers: dict[int, Future[Any]]) -> int:
    """How many of the lanes of the start have not answered yet: each does after its slow imports.

    Args:
        answers: of the lanes asked so far; a lane that was lost meanwhile is asked again.
    """
    answered = [lane for lane, answer in answers.items() if answer.done() and not answer.exception()]
    for lane in answers.keys() - answered if answers else range(engine().figures()["lanes"]):
        if lane not in answers or answers[lane].done():
            answers[lane] = engine().pool.request(lane, DescribeRules())
    return len(answers) - len(answered)


async def health(request: Request) -> Response:
    """The server answers."""
    return PlainTextResponse("The server answers.\n")


async def metrics(request: Request) -> Response:
    """The figures in Prometheus's text format, to this machine or to who has the token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not (is_local(request) or (scheme.lower() == "bearer" and is_token(token))):
        return PlainTextResponse(
            f"Metrics answer to this machine, or to the header 'Authorization: Bearer' with {TOKEN}.\n", 403
        )
    return Response(await run_in_threadpool(exposition, engine()), media_type=CONTENT_TYPE_LATEST)


async def silence(request: Request) -> Response:
    """Why a page hears nothing, though this answers its browser: one sentence, to be shown."""
    return PlainTextResponse(objection(request.headers, by_proxy=False) or NO_SOCKET)


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, and not from elsewhere through a proxy on it."""
    if request.client is None or {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers):
        return False
    address = ip_address(request.client.host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def routes() -> list[Route]:
    """For `st.App`."""
    has_token()  # a server whose token could be guessed does not start
    answers: dict[int, Future[Any]] = {}

    async def ready(request: Request) -> Response:
        """200 once the server can train, 503 before."""
        if waiting := await run_in_threadpool(starting, answers):
            return PlainTextResponse(f"Starting: workers that still import what they need: {waiting}.\n", 503)
        return PlainTextResponse("The workers are ready.\n")

    return [
        Route(served(f"{LAB}/health"), health),
        Route(served(f"{LAB}/ready"), ready),
        Route(served(f"{LAB}/metrics"), metrics),
        Route(served(f"{LAB}/silence"), silence, methods=["POST"]),  # with which a browser names its page
    ]
