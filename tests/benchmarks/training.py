"""How fast we learn, beside others, on this machine, now: `python -m tests.benchmarks.training`.

All that is compared runs in this process, in turns, so that a busy machine slows it alike: read the
ratios, not the seconds. Needs Pillow; pythae, and Keras on JAX, are measured where they are installed.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # so that it also runs as a file

import vae_core
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.peers import ACTIVATIONS, Contender, keras_jax, pythae, pytorch_example
from vae_core import Recipe, Trainer, load_dataset
from vae_core.engine.engine import Engine
from vae_core.engine.lockstep import advance
from vae_core.workers.pool import cores

EXAMPLE, PYTHAE, KERAS = "PyTorch's VAE example", "pythae 0.1.2", "Keras 3 on JAX"
LIMIT = "the products of a step alone"  # nobody who multiplies in this type can be faster
INSTALL = {
    PYTHAE: "not installed: `pip install pythae==0.1.2`",
    KERAS: "not installed: `pip install keras==3.15.1 jax==0.10.2`",
}
CHUNK = 10  # steps between two looks at the clock
Timer, Maker = Callable[[], float], Callable[[int], Contender]  # a seed -> who trains
LAP, GROWTH = 0.1, 0.04  # of training between two looks at the test set: seconds, share of those so far


def noise_lab(recipe: Recipe, float32: bool = False) -> Contender:
    """Ours; in bfloat16 where that is faster, unless it is told not to."""
    trainer = Trainer(recipe, "cpu")
    exact = mock.patch("vae_core.trainer.trainer.bfloat16_is_faster", return_value=False)

    def train(steps: int) -> None:
        with exact if float32 else nullcontext():
            trainer.train(steps)

    return Contender(train, lambda images, eps: -trainer.measure(images, eps)["elbo"], recipe.batch_size)


# -- the clock ---------------------------------------------------------------------------------


def in_turns(jobs: dict[str, Callable[[], object]], rounds: int, timer: Timer) -> dict[str, list[float]]:
    """Seconds of each job in each round; each round in another order, the first is not counted."""
    seconds = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name in random.Random(turn).sample(list(jobs), len(jobs)):
            start = timer()
            jobs[name]()
            if turn:
                seconds[name].append(timer() - start)
    return seconds


def ratio(above: list[float], below: list[float]) -> float:
    """Median of the ratios within a round."""
    return median(a / b for a, b in zip(above, below, strict=True))


class Learner:
    """A contender and the seconds that it has trained; looking at the test set is not counted."""

    def __init__(self, contender: Contender, timer: Timer) -> None:
        self.contender, self.timer, self.seconds, self.loss = contender, timer, 0.0, np.inf
        images = np.array(load_dataset("mnist").test_images)
        self.images = torch.from_numpy(images).view(-1, 784).float() / 255
        self.eps = torch.randn(len(images), 2, generator=torch.Generator().manual_seed(0))

    def train(self, until: float) -> float:
        """Train until so many seconds in all; −ELBO of the whole test set, grey pixels, one draw."""
        while self.seconds < until:
            start = self.timer()
            self.contender.train(CHUNK)
            self.seconds += self.timer() - start
        self.loss = self.contender.loss(self.images, self.eps)
        return self.loss


def race(makers: dict[str, tuple[Maker, float]], rounds: int, cap: float, timer: Timer) -> dict[str, list]:
    """(seconds, −ELBO) of each round, in which each learns until −ELBO ≤ its target or the seconds
    are up; all learn in turns. Who once ran out of time is not asked again."""
    ends = {name: [] for name in makers}
    for seed in range(rounds):
        again = [name for name, (_, target) in makers.items() if made_it(ends[name], target)]
        running = {name: Learner(makers[name][0](seed), timer) for name in again}
        while running:
            for name, learner in list(running.items()):
                learner.train(learner.seconds + max(LAP, GROWTH * learner.seconds))
                if learner.loss <= makers[name][1] or learner.seconds >= cap:
                    ends[name].append((learner.seconds, learner.loss))
                    del running[name]
    return ends


def made_it(ends: list[tuple[float, float]], target: float) -> bool:
    return all(loss <= target for _, loss in ends)


# -- what is measured --------------------------------------------------------------------------


def throughput(options: argparse.Namespace) -> None:
    names = "Noise Lab", "Noise Lab, float32", EXAMPLE, PYTHAE, KERAS, LIMIT
    steps, makers = options.steps, {name: {} for name in names}
    for a in ACTIVATIONS:
        recipe = Recipe(hidden=(400,), batch_size=128, activation=a, learning_rate=1e-3)
        makers["Noise Lab"][a] = noise_lab(recipe)
        makers["Noise Lab, float32"][a] = noise_lab(recipe, float32=True)
        makers[EXAMPLE][a] = pytorch_example(activation=a)
        if options.pythae:
            makers[PYTHAE][a] = pythae(activation=a)
        if options.keras:
            makers[KERAS][a] = keras_jax(activation=a)
        makers[LIMIT][a] = products(128)
    jobs = {(name, a): partial(c.train, steps) for name, made in makers.items() for a, c in made.items()}
    seconds = in_turns(jobs, options.rounds, options.timer)
    ratios = (f"ours is × as fast, {a}" for a in ACTIVATIONS)
    heading("Samples a second, 784-400-2-400-784, batch 128", "", *ratios, *ACTIVATIONS)
    for name, made in makers.items():
        if not made:
            row(name, INSTALL[name])
            continue
        times = [ratio(seconds[name, a], seconds["Noise Lab", a]) for a in made]
        row(name, *(f"{x:.2f}" for x in times), *(f"{128 * steps / median(seconds[name, a]):,.0f}" for a in made))


def products(size: int) -> Contender:
    """The products of a step of 784-400-2-400-784 and nothing else, in the type in which a run multiplies here: two
    forward, and backward two for the weights and one for the hidden layer."""
    kind, shapes = Trainer(Recipe(), "cpu").product, ((size, 784), (size, 400), (400, 784), (784, 400))
    images, hidden, into, out = (torch.randn(shape).to(kind) for shape in shapes)

    def multiply(steps: int) -> None:
        for _ in range(steps):
            images @ into.t(), hidden @ out.t()
            images.t() @ hidden, images @ out, hidden.t() @ images

    return Contender(multiply, lambda images, eps: np.inf, size)


def share_of_peak(options: argparse.Namespace) -> None:
    """What of the machine's fastest product, in the type in which a run multiplies here, a step's own products reach;
    all else it does counts as idle."""
    recipe = Recipe(hidden=(400,), batch_size=512, activation="relu", learning_rate=1e-3)
    trainer, steps = Trainer(recipe, "cpu"), max(2, options.steps // 4)
    square, side = torch.randn(2048, 2048).to(trainer.product), 2048
    kind = str(trainer.product).removeprefix("torch.")
    jobs = {"product": lambda: square @ square, "step": partial(trainer.train, steps)}
    seconds = in_turns(jobs, 3 * options.rounds, options.timer)
    peak, own = 2 * side**3, steps * 5 * 2 * 512 * 784 * 400  # five, see `products`
    heading(f"Products of a step, 784-400-2-400-784, batch 512, {kind}", "", "GFLOP/s", "share")
    row("2048 × 2048", f"{peak / median(seconds['product']) / 1e9:.0f}", "1")
    share = own / peak / ratio(seconds["step"], seconds["product"])
    row("a step", f"{own / median(seconds['step']) / 1e9:.0f}", f"{share:.2f}")


def step_by_hand(options: argparse.Namespace) -> None:
    """Whether a step written by hand would be worth its lines: it would from 1.2 on."""
    small = Recipe(hidden=(400,), batch_size=128, activation="relu", learning_rate=1e-3)
    recipes = {
        "784-400-2, batch 128": small,
        "784-400-2, batch 512": small.model_copy(update={"batch_size": 512}),
        "`Recipe()`": Recipe(),
    }
    steps = max(1, options.steps // 2)
    heading("The same step by hand", "", "plain, ms", "by hand, ms", "× plain", "-ELBO apart after equal steps, nats")
    for name, recipe in recipes.items():
        contenders = {"plain": noise_lab(recipe), "hand": by_hand(recipe)}
        jobs = {kind: partial(contender.train, steps) for kind, contender in contenders.items()}
        seconds = in_turns(jobs, 2 * options.rounds, options.timer)
        plain, hand = (f"{1e3 * median(times) / steps:.2f}" for times in (seconds["plain"], seconds["hand"]))
        losses = [Learner(contender, options.timer).train(0) for contender in contenders.values()]
        row(name, plain, hand, f"{ratio(seconds['plain'], seconds['hand']):.2f}", f"{abs(losses[0] - losses[1]):.2f}")


def several(options: argparse.Namespace) -> None:
    """Eight runs against one that has all cores: in step over a worker for each core, as a sweep or Compare has them;
    in one process, a step of each in turns; and their largest product as one stacked one."""
    steps = max(2, options.steps // 8)
    heading(
        "Eight runs", "batch", "samples/s of one", "× one run's, in workers", "× one run's, in turns",
        "× by stacking the products",
    )  # fmt: skip
    for size in options.sizes:
        runs = [Trainer(Recipe(batch_size=size, seed=seed), "cpu") for seed in range(8)]
        x, w = (torch.randn(8, rows, 784).to(runs[0].product) for rows in (size, 256))

        def in_rotation(runs: list[Trainer] = runs) -> None:
            for _ in range(steps):
                for run in runs:
                    run.train(1)

        jobs = {
            "one": partial(runs[0].train, 8 * steps),
            "turns": in_rotation,
            "apart": lambda x=x, w=w: [a @ b.t() for a, b in zip(x, w, strict=True)],
            "stacked": lambda x=x, w=w: torch.bmm(x, w.transpose(1, 2)),
        }
        with TemporaryDirectory() as folder, Engine(lanes=cores(), folder=Path(folder)) as engine:
            plans = [engine.open({"batch_size": size, "seed": seed}, points=10, lane=seed) for seed in range(8)]
            for run in plans:
                run.portion = 10**9  # all steps in one slice

            def in_step(plans: list = plans) -> None:
                advance(plans, plans[0].header["step"] + steps)

            in_step()
            seconds = in_turns({"workers": in_step, **jobs}, 2 * options.rounds, options.timer)
        row(
            size,
            f"{8 * steps * size / median(seconds['one']):,.0f}",
            f"{ratio(seconds['one'], seconds['workers']):.2f}",
            f"{ratio(seconds['one'], seconds['turns']):.2f}",
            f"{ratio(seconds['apart'], seconds['stacked']):.2f}",
        )


def time_to_target(options: argparse.Namespace) -> None:
    makers = {f"Noise Lab, `Recipe()`, to {t}": (lambda seed: noise_lab(Recipe(seed=seed)), t) for t in (150, 145)}
    makers[f"{EXAMPLE}, to 150"] = pytorch_example, 150
    if options.pythae:
        makers[f"{PYTHAE}, to 150"] = pythae, 150
    ends = race(makers, options.rounds, options.cap, options.timer)
    best = median(seconds for seconds, _ in next(iter(ends.values())))
    heading("Training until -ELBO on MNIST's test set (nats per image)", "", "× ours to 150", "seconds", "each seed")
    for name, (_, target) in makers.items():
        seconds, loss = [seconds for seconds, _ in ends[name]], ends[name][-1][1]
        if made_it(ends[name], target):
            each = ", ".join(f"{s:.1f}" for s in seconds)
            row(name, f"{median(seconds) / best:.1f}", f"{median(seconds):.1f}", each)
        else:
            row(name, f"over {options.cap / best:.0f}", f"not within {options.cap:g} s ({loss:.1f})")
    if not options.pythae:
        row(PYTHAE, INSTALL[PYTHAE])


def after_seconds(options: argparse.Namespace) -> None:
    losses = {}
    for seed in range(options.seeds):
        learner = Learner(noise_lab(Recipe(seed=seed)), options.timer)
        for stop in options.stops:
            losses.setdefault(stop, []).append(learner.train(stop))
    heading("-ELBO after seconds of training, `Recipe()`", "seconds", "median", "each seed", "at most")
    for stop, values in losses.items():
        row(
            stop,
            f"{median(values):.2f}",
            ", ".join(f"{v:.2f}" for v in values),
            {1.2: 150, 2: 144, 5: 139}.get(stop, ""),
        )


def rules(options: argparse.Namespace) -> None:
    steps = max(2, options.steps // 4)
    trainers = {name: Trainer(Recipe(rule=name), "cpu") for name in vae_core.rules()}
    jobs = {name: partial(trainer.train, steps) for name, trainer in trainers.items()}
    seconds = in_turns(jobs, 3 * options.rounds, options.timer)
    heading("A step of each rule, `Recipe(rule=…)`", "rule", "× autoencoder", "ms")
    for name, times in seconds.items():
        row(name, f"{ratio(times, seconds['autoencoder']):.2f}", f"{1e3 * median(times) / steps:.2f}")


def threads_and_frames(options: argparse.Namespace) -> None:
    trainer, steps, usual = Trainer(Recipe(), "cpu"), options.steps, torch.get_num_threads()

    def train_with(threads: int) -> None:
        torch.set_num_threads(threads)
        trainer.train(steps)

    seconds = in_turns({n: partial(train_with, n) for n in (1, 2)}, options.rounds, time.perf_counter)
    torch.set_num_threads(usual)
    heading("Steps a second by the wall clock, `Recipe()`", "threads", "× one thread", "steps a second")
    for n, times in seconds.items():
        row(n, f"{ratio(seconds[1], times):.2f}", f"{steps / median(times):.0f}")
    trainers = {n: Trainer(Recipe(), "cpu", points=n) for n in (2000, 5000)}
    frames = {n: t.frame() for n, t in trainers.items()}
    jobs = {("frame", n): t.frame for n, t in trainers.items()} | {("packed", n): f.packed for n, f in frames.items()}
    jobs["step"] = partial(trainer.train, 1)
    seconds = in_turns(jobs, 3 * options.rounds, options.timer)
    heading("A frame, `Recipe()`", "points", "`frame()` in steps", "`frame()` ms", "`packed()` ms", "kB")
    for n, frame in frames.items():
        milliseconds = (f"{1e3 * median(seconds[job, n]):.2f}" for job in ("frame", "packed"))
        row(n, f"{ratio(seconds['frame', n], seconds['step']):.1f}", *milliseconds, round(frame.packed().size / 1e3))


def exact_panel(options: argparse.Namespace) -> None:
    """Two runs that play at once, each in a process of its own; somebody watches one's exact measures, in turns."""
    seconds, steps = options.watched, {"with": [], "without": []}
    with TemporaryDirectory() as folder, Engine(lanes=2, folder=Path(folder)) as engine:
        runs = [engine.open({"seed": seed}) for seed in range(2)]
        for run in runs:
            run.watch(lambda what: None)
            run.play()
        while min(run.header["step"] for run in runs) < options.steps:
            time.sleep(0.1)
        for turn in range(2 * options.rounds):
            watched, other = runs if turn % 2 else reversed(runs)
            leave = watched.watch(lambda what: None, exact=True)
            before = [run.header["step"] for run in (watched, other)]
            time.sleep(seconds)
            for name, run, start in zip(steps, (watched, other), before, strict=True):
                steps[name].append(max(1, run.header["step"] - start))  # a frame may take longer than that
            leave()
        measured = sum(len(run.measures.steps) for run in runs)
    heading(
        "The exact panel while a run plays, `Recipe()`", "", "× steps", "steps a second", "seconds between measures"
    )
    each = f"{2 * options.rounds * seconds / max(measured, 1):.1f}"
    row("with", f"{ratio(steps['with'], steps['without']):.2f}", f"{median(steps['with']) / seconds:.0f}", each)
    row("without", "1.00", f"{median(steps['without']) / seconds:.0f}", "")


# -- the table ---------------------------------------------------------------------------------


def heading(title: str, *columns: str) -> None:
    print(f"\n### {title}\n")
    row(*columns)
    row(*("---" for _ in columns))


def row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def load_of_others() -> tuple[float, float, float]:
    """Seconds: now, and of processors taken by this process and (on Linux) by all; else nan."""
    own = sum(os.times()[:4])
    try:
        jiffies = [int(x) for x in Path("/proc/stat").read_text(encoding="utf-8").split("\n")[0].split()[1:9]]
    except OSError:
        return time.time(), own, np.nan
    return time.time(), own, (sum(jiffies) - jiffies[3] - jiffies[4]) / os.sysconf("SC_CLK_TCK")


SECTIONS = (
    throughput, share_of_peak, step_by_hand, several, time_to_target, after_seconds, rules, threads_and_frames,
    exact_panel,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="medians over so many (5)")
    parser.add_argument("--cap", type=float, default=60, help="seconds of training for who is slow (60)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch (all cores)")
    parser.add_argument("--quick", action="store_true", help="one round of a few steps each: only to see that it works")
    parser.add_argument("--busy", action="store_true", help="one thread, processor seconds: where others run, too")
    parser.add_argument("--only", nargs="*", choices=[s.__name__ for s in SECTIONS], help="these sections")
    options = parser.parse_args()
    if load_dataset("mnist").banner and not options.quick:
        sys.exit("Without MNIST there is nothing to compare. Set NOISE_LAB_DATA to the folder with its four files.")
    options.pythae, options.seeds = find_spec("pythae") is not None, 5
    options.keras = find_spec("keras") is not None and find_spec("jax") is not None
    options.steps, options.watched, options.stops = 200, 12.0, (1.2, 2, 5)  # of a round; seconds
    options.sizes = 64, 128, 512
    if options.quick:
        options.rounds, options.seeds, options.steps, options.watched = 1, 1, 2, 0.5
        options.cap, options.stops, options.sizes = 0.2, (0.05, 0.1), (64,)
    options.timer = time.process_time if options.busy else time.perf_counter
    torch.set_num_threads(1 if options.busy else options.threads)
    Trainer(Recipe(), "cpu").advance(CHUNK)  # as a warm worker has done
    cores, clock = f"{torch.get_num_threads()} of {os.cpu_count()} cores", "processor" if options.busy else "wall"
    print(f"torch {torch.__version__}, {cores}, {options.rounds} rounds, {clock} seconds")
    for section in SECTIONS:
        if not options.only or section.__name__ in options.only:
            before = load_of_others()
            section(options)
            wall, own, everyone = (b - a for a, b in zip(before, load_of_others(), strict=True))
            print(f"\nMeanwhile: {own / wall:.1f} cores ours, {(everyone - own) / wall:.1f} taken by others.")


if __name__ == "__main__":
    main()
