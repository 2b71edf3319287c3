"""Lanes on other machines: a real cluster of two nodes on this one, started by the scripts that the README names."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import wait_until
from vae_core.engine.engine import Engine
from vae_core.run.recipe import Recipe
from vae_core.trainer.replay import replay
from vae_core.trainer.trainer import Trainer
from vae_core.workers.checkpoints import newest
from vae_core.workers.cluster import node
from vae_core.workers.cluster.bridge import attach
from vae_core.workers.cluster.cluster import Cluster, RemoteLane, unprotected
from vae_core.workers.cluster.node import NodeLane
from vae_core.workers.errors import LaneError, Refused, UnknownRun
from vae_core.workers.messages import Advance, DescribeRules, OpenRun, Request

ROOT = Path(__file__).parents[2]
HOSTING = ROOT / ".hosting"
SEEDS = itertools.count(100)
RECIPE = {"dataset": "digits", "hidden": (32,), "batch_size": 64}


class Machines:
    """A head and nodes of one processor each, as processes of this machine."""

    def __init__(self, folder: Path) -> None:
        self.keys, self._folder = folder / "keys", folder
        subprocess.run([HOSTING / "keys", self.keys], check=True, capture_output=True)
        self._gcs, self._client = free_port(), free_port()
        self.address = f"ray://127.0.0.1:{self._client}"
        self.nodes: list[subprocess.Popen] = []
        self.head = self.start("head", "--port", self._gcs, "--ray-client-server-port", self._client)
        assert wait_until(lambda: answers(self._client), 60), "the head did not start"

    def start(self, role: str, *options: object) -> subprocess.Popen:
        own = ["--temp-dir", str(self._folder / f"{role}{len(self.nodes)}")]
        command = [HOSTING / "node", self.keys, role, *map(str, options), *own]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        log = open(self._folder / f"{role}{len(self.nodes)}.log", "w", encoding="utf-8")  # noqa: SIM115
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def join(self) -> subprocess.Popen:
        """Another machine."""
        self.nodes.append(self.start("worker", f"127.0.0.1:{self._gcs}", "--num-cpus", 1))
        return self.nodes[-1]

    def environment(self) -> dict[str, str]:
        """What a server has in its environment."""
        printed = subprocess.run(
            [HOSTING / "node", self.keys, "run", "env"], check=True, capture_output=True, text=True
        )
        return dict(line.split("=", 1) for line in printed.stdout.splitlines() if line.startswith("RAY_"))

    def of(self, pid: int) -> subprocess.Popen:
        """The machine on which a process runs."""
        return next(machine for machine in self.nodes if pid in family(machine.pid))

    def stop(self) -> None:
        for machine in [*self.nodes, self.head]:
            send(machine, signal.SIGKILL)
            machine.wait(10)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if entry.name.isdecimal():
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found


def send(machine: subprocess.Popen, what: signal.Signals) -> None:
    """To all processes of a machine: SIGKILL is a power cut, SIGSTOP a pulled cable."""
    for pid in family(machine.pid):
        with contextlib.suppress(OSError):
            os.kill(pid, what)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def machines():
    if find_spec("ray") is None:
        pytest.skip("a cluster needs Ray: pip install 'noise-lab[cluster]'")
    if sys.platform != "linux" or not shutil.which("openssl"):
        pytest.skip("the scripts in .hosting need Linux and openssl")
    folder = Path(tempfile.mkdtemp(prefix="nl-"))  # the path of a socket has at most 107 characters
    machines = Machines(folder)
    try:
        machines.join(), machines.join()
        yield machines
    finally:
        machines.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def engine(machines):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in machines.environment().items():
            patch.setenv(name, value)
        with Engine(0, address=machines.address) as engine:
            assert wait_until(
                lambda: engine.trainings.place() >= 0 and engine.figures()["lanes"] == 2 and all_ready(engine), 60
            )
            yield engine


def all_ready(engine: Engine) -> bool:
    return all(engine.pool.ready)


def playing(engine: Engine):
    """A run that nobody has trained before, under way."""
    run = engine.open({**RECIPE, "seed": next(SEEDS)})
    told: list[tuple[float, int, str]] = []
    run.watch(lambda what: told.append((time.monotonic(), run.header["step"], (run.message or {}).get("text", ""))))
    run.play()
    reach(run, 200)
    run.switch(noise=0.5)
    reach(run, 400)
    return run, told


def when(told: list[tuple[float, int, str]], words: str) -> float:
    """When the run said so."""
    said = lambda: next((at for at, _, text in list(told) if words in text), 0.0)  # noqa: E731
    assert wait_until(lambda: said() > 0, 60), told[-1:]
    return said()


def reach(run, step: int, timeout: float = 60) -> None:
    assert wait_until(lambda: run.header["step"] >= step, timeout), run.state()


def is_exact(run) -> bool:
    """Whether it is where straight training on this machine arrives, to the bit."""
    run.pause()
    assert wait_until(lambda: run.resting, 10)
    recipe = Recipe(**run.record.recipe.model_dump())
    return replay(recipe, run.record.events, run.header["step"]).frame().packed().decoder == run.newest.decoder


def machine_of(engine: Engine, machines: Machines, run) -> subprocess.Popen:
    return machines.of(engine.pool.cluster.states[run.training.lane].about["pid"])


# -- with a cluster ------------------------------------------------------------------------------


def test_a_run_on_another_machine_gives_the_same_bits(engine):
    run, _ = playing(engine)
    assert engine.pool.pids() == [engine.pool.cluster.pid] * 2
    with pytest.raises(LaneError, match="noise switch"):
        run.switch(noise=7)
    assert run.playing and is_exact(run)
    child = engine.fork(run, 300, noise=0.0)
    child.step(50)
    reach(child, child.record.steps[-1] + 50)
    assert is_exact(child)


def test_two_servers_use_the_same_lanes(engine, machines):
    code = (
        "import json, sys; from vae_core.engine.engine import Engine\n"
        f"with Engine(0, address={machines.address!r}) as e:\n"
        f"    run = e.open({ {**RECIPE, 'seed': next(SEEDS)} !r}); run.step(3)\n"
        "    while run.header['step'] < 3: pass\n"
        "    lanes = [status.about['pid'] for status in e.pool.cluster.states if status.about]\n"
        "    print(json.dumps([lanes, [m for m in ('torch', 'ray') if m in sys.modules]]))\n"
    )  # fmt: skip
    run, _ = playing(engine)
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=90, cwd=ROOT
    )
    pids, imported = json.loads(printed.stdout.splitlines()[-1])
    assert pids and set(pids) <= {status.about["pid"] for status in engine.pool.cluster.states}
    assert imported == [] and run.playing and is_exact(run)


def test_a_run_outlives_its_machine_and_another_one_may_join(engine, machines):
    run, told = playing(engine)
    folder = engine.trainings.folder(run.training.id)
    assert wait_until(lambda: newest([folder]) is not None, 20)  # its state has come to this machine
    lost, step, lane = engine.figures()["lost"], run.header["step"], run.training.lane
    began = time.monotonic()
    send(machine_of(engine, machines, run), signal.SIGKILL)
    assert when(told, "went on from step") - began < 20 and run.training.lane != lane
    reach(run, step + 200)
    assert engine.figures()["lost"] == lost + 1 and is_exact(run)
    machines.join()
    assert wait_until(lambda: all_ready(engine), 60)
    engine.pool.request(lane, DescribeRules()).result(20)


def test_a_silent_machine_is_given_up_within_seconds(engine, machines):
    run, told = playing(engine)
    machine, step, lane = machine_of(engine, machines, run), run.header["step"], run.training.lane
    began = time.monotonic()
    send(machine, signal.SIGSTOP)
    try:
        assert 1 < when(told, "bringing the run back") - began < 12
        when(told, "went on from step")
        reach(run, step + 200)
        assert run.training.lane != lane
        assert is_exact(run)
    finally:
        send(machine, signal.SIGCONT)
    assert wait_until(lambda: all_ready(engine), 60)


def test_a_run_outlives_the_process_that_speaks_with_ray(engine):
    run, told = playing(engine)
    assert wait_until(lambda: time.monotonic() - engine.pool.cluster._started_at > 6, 10)
    os.kill(engine.pool.cluster.pid, signal.SIGKILL)
    when(told, "went on from step")
    reach(run, run.header["step"] + 200)
    assert is_exact(run)


def test_a_server_outlives_the_head(engine, machines, monkeypatch):
    """The last of the tests with a cluster: it has none any more."""
    monkeypatch.setattr("vae_core.engine.recovery.PATIENCE", 3.0)
    run, _ = playing(engine)
    send(machines.head, signal.SIGKILL)
    assert wait_until(lambda: not run.playing, 60), run.state()
    assert "could not be brought back" in run.message["text"]
    run.play()
    assert wait_until(lambda: "Look at its head node" in run.message["text"], 60), run.state()
    assert len(run.record.steps) > 3 and is_exact(run)


# -- without one -----------------------------------------------------------------------------------


class Straight:
    """In a cluster's place: lanes of this process, without a network."""

    def __init__(self, *lanes: NodeLane) -> None:
        self.opened, self._lanes = {}, lanes

    def ask(self, lane: int, request: Request, state=None) -> Future:
        future: Future = Future()
        future.set_result(self._lanes[lane].ask(request, state))
        return future


@pytest.fixture
def lanes(monkeypatch):
    """Two lanes on two machines, which have nothing in common but the server's disk."""
    monkeypatch.setattr("vae_core.workers.checkpoints.EVERY", 0.0)
    monkeypatch.setattr("vae_core.workers.lane.Lane.warm_up", lambda lane: None)
    cluster = Straight(NodeLane(), NodeLane())
    return RemoteLane(cluster, 0), RemoteLane(cluster, 1)


def test_states_lie_on_the_servers_disk_and_go_to_another_machine(lanes, tmp_path, monkeypatch):
    here, there = lanes
    folders = [str(tmp_path / "run"), str(tmp_path / "parent")]
    here.request(OpenRun("run", RECIPE, folders=folders)).result()
    for _ in range(20):
        advanced = here.request(Advance("run", steps=4)).result()
    kept = sorted(int(path.stem) for path in (tmp_path / "run").iterdir())
    assert len(kept) == 12 and kept[-1] == 80
    monkeypatch.setattr(Trainer, "train", lambda trainer, steps: steps == 0 or pytest.fail("trained anew"))
    again = there.request(OpenRun("run", RECIPE, events=advanced.events, step=80, folders=folders)).result()
    assert again.frame == advanced.frame
    other = [str(tmp_path / "child"), str(tmp_path / "run")]  # a fork has its parent's states
    assert there.request(OpenRun("child", RECIPE, step=80, folders=other)).result().frame == advanced.frame
    assert list((tmp_path / "child").glob("*")) == []


def test_a_full_disk_costs_states_and_nothing_else(lanes, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    here, there = lanes
    folders = [str(tmp_path / "file")]
    here.request(OpenRun("run", RECIPE, folders=folders)).result()
    advanced = here.request(Advance("run", steps=4)).result()
    again = there.request(OpenRun("run", RECIPE, step=4, folders=folders)).result()
    assert again.frame == advanced.frame


def test_errors_come_back_as_sentences(lanes):
    here, _ = lanes
    for request, error_type in ((OpenRun("x", {"rule": "foo"}), Refused), (Advance("nobody"), UnknownRun)):
        error = here.request(request).exception()
        assert type(error) is error_type and "\n" not in str(error)


def test_runs_of_a_server_that_is_gone_are_forgotten(lanes, monkeypatch):
    here, _ = lanes
    here.request(OpenRun("old", RECIPE)).result()
    monkeypatch.setattr(node, "LEASE", 0.0)
    here.request(OpenRun("new", RECIPE)).result()
    monkeypatch.setattr(node, "LEASE", 3600.0)
    assert here.request(Advance("old")).exception().args == UnknownRun().args
    assert here.request(Advance("new", steps=2)).result().frame.step == 2


def test_a_cluster_that_everybody_may_use_is_refused(monkeypatch):
    monkeypatch.delenv("RAY_USE_TLS", raising=False)
    far, closed = "ray://head:10001", {"RAY_AUTH_MODE": "token", "RAY_USE_TLS": "1"}
    assert unprotected(far, closed) == "" == unprotected("ray://127.0.0.1:10001", {})
    for name in closed:
        assert f"Set {name}=" in unprotected(far, {key: value for key, value in closed.items() if key != name})
    with pytest.raises(LaneError, match="open to everybody"):
        Cluster(far)


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LaneError, match=r"pip install 'noise-lab\[cluster\]'"):
        attach("ray://127.0.0.1:1")
    monkeypatch.undo()
    if find_spec("ray"):
        with pytest.raises(LaneError, match=r"does not answer .*Look at its head node"):
            attach(f"ray://127.0.0.1:{free_port()}")
