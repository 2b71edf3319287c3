"""log p(x) of thousands of MNIST's images against the oracle, over all rules and settings; takes hours, and goes on
where it was stopped.

    python -m tests.exact.against_oracle FOLDER

keeps the trained runs and the truth in FOLDER, and prints for each setting, and for all, how many images lie further
from the truth than three stated errors, how far, and how many are not resolved.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch

import vae_core
from tests.exact.oracle import HALF, Truth, brute_force, sampled
from vae_core.analysis.views.exact import COARSE
from vae_core.analysis.views.live import COARSE_TOLERANCE, FINE_TOLERANCE
from vae_core.exact.marginal import integral_of, log_marginals
from vae_core.exact.priors import rule_prior, yardsticks
from vae_core.run.recipe import Recipe
from vae_core.trainer.trainer import Trainer

RULES = list(vae_core.rules())
DEAR = "continuous_flow"  # its density takes an integral at each node, and at each step of the draws' ascents: last

SETTINGS: list[tuple[str, dict, list[int]]] = [
    *((rule, {"rule": rule, "seed": 201 + i}, [40, 400]) for i, rule in enumerate(RULES) if rule != DEAR),
    *((f"gaussian {d}", {"likelihood": "gaussian", "deviation": d, "seed": 221}, [40, 300]) for d in (0.3, 0.1, 0.03)),
    *((f"beta {b}", {"knobs": {"beta": b}, "seed": 231}, [300]) for b in (0.0, 0.1, 10.0)),
    ("noise off", {"noise": 0.0, "seed": 241}, [300]),
    *((f"{n} images", {"train_size": n, "seed": 242}, [300]) for n in (20, 200)),
    ("relu", {"activation": "relu", "seed": 244}, [300]),
    ("binarized", {"pixels": "binarized", "seed": 245}, [300]),
    ("table, a = 1", {"rule": "offset", "knobs": {"f": "table", "a": 1.0}, "seed": 246}, [400]),
    (DEAR, {"rule": DEAR, "seed": 201 + RULES.index(DEAR)}, [40, 400]),
]
WAYS = {
    "log_marginal": {},
    "panel, coarse": {"coarse": COARSE, "tolerance": COARSE_TOLERANCE},
    "panel, fine": {"coarse": COARSE, "tolerance": FINE_TOLERANCE},
}
WIDE = 40  # images of each run in the Offset lab's table, where a lattice would be too large
ODD = 2  # images at the end that are like no other: what they have beyond the lattice's rim, draws alone find


def images_of(run: Trainer, count: int, seed: int) -> np.ndarray:
    """Test images by chance, some that were trained on, a black and a white one."""
    rows = np.random.default_rng(seed).choice(len(run.dataset.test_images), count, replace=False)
    both = np.zeros((2, 28, 28), np.uint8)
    both[1] = 255
    return np.concatenate([run.dataset.test_images[np.sort(rows)], run.dataset.train_images[:8], both])


def truth_of(run: Trainer, images: np.ndarray) -> Truth:
    """By the lattice; where it is too coarse, and of the odd images, by draws."""
    truth = brute_force(run, images, step=0.06 if run.rule_name == DEAR else 0.035)
    return completed(run, images, truth)


def completed(run: Trainer, images: np.ndarray, truth: Truth) -> Truth:
    """With draws where the lattice does not know; not for a rule whose draws would take hours."""
    asked = np.isnan(truth.value)
    asked[-ODD:] = True
    if run.rule_name != DEAR:
        drawn = sampled(run, images[asked])
        truth.value[asked], truth.error[asked] = drawn.value, drawn.error
    return truth


def under_yardsticks(folder: Path) -> None:
    """The Offset lab's table: log p(x) of kept runs' images under each prior that it shows, all at once."""
    print("| run | prior | images | beyond 3 errors | worst, nats | not resolved |\n|---|---|---|---|---|---|")
    for name in ("offset_400", "table,_a_=_1_400", "autoencoder_400", "moment_matching_400"):
        kept = np.load(folder / f"{name}.npz")
        run = Trainer.from_state(kept["state"].tobytes())
        images, priors = kept["images"][:WIDE], yardsticks(run)
        for prior, found in zip(priors.values(), log_marginals(run, images, list(priors.values())), strict=True):
            is_wide = float((prior.box.high - prior.box.low).max()) > 2 * HALF  # codes that nothing holds together
            truth = sampled(run, images, prior) if is_wide else brute_force(run, images, prior, step=0.035)
            known = np.isfinite(truth.value)
            value, error = np.asarray(found)[known], found.errors[known]
            resolved = np.isfinite(error)
            beyond = (np.abs(value - truth.value[known]) - truth.error[known] - 3 * error)[resolved].clip(min=0)
            row = f"{known.sum()} | {(beyond > 0).sum()} | {beyond.max():.4f} | {(~resolved).sum()}"
            print(f"| {name} | {prior.name} | {row} |", flush=True)


def main() -> None:
    """Measure what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200, help="test images of each setting")
    parser.add_argument("--yardsticks", action="store_true", help="the Offset lab's table, of runs that are kept")
    options = parser.parse_args()
    if options.yardsticks:
        return under_yardsticks(options.folder)
    options.folder.mkdir(parents=True, exist_ok=True)
    totals = {way: np.zeros(4) for way in WAYS}  # images, beyond three errors, the worst miss, not resolved
    columns = [f" {way}: beyond 3 errors | worst, nats | not resolved |" for way in WAYS]
    print("| setting | step | images |" + "".join(columns))
    print("|---" * (3 + 3 * len(WAYS)) + "|")
    for name, fields, steps in SETTINGS:
        for step in steps:
            path = options.folder / f"{name.replace(' ', '_')}_{step}.npz"
            if path.exists():
                kept = np.load(path)
                run = Trainer.from_state(kept["state"].tobytes())
                images, truth = kept["images"], Truth(kept["value"], kept["error"])
                if "odd" not in kept:
                    truth = completed(run, images, truth)
                    np.savez_compressed(path, **{**kept, "value": truth.value, "error": truth.error, "odd": ODD})
            else:
                run = Trainer(Recipe(**fields), "cpu")
                with torch.enable_grad():
                    run.train(step)
                images = images_of(run, options.images, step)
                truth = truth_of(run, images)
                state = np.frombuffer(run.state(), np.uint8)
                np.savez_compressed(path, state=state, images=images, value=truth.value, error=truth.error, odd=ODD)
            known = np.isfinite(truth.value)
            cells = ""
            for way, how in WAYS.items():
                found = integral_of(run, images[known], [rule_prior(run)], **how)
                value, error = found.log_value[0].numpy(), found.error[0].numpy()
                is_resolved = np.isfinite(error)
                beyond = np.abs(value - truth.value[known]) - truth.error[known] - np.where(is_resolved, 3 * error, 0)
                beyond = np.where(is_resolved, beyond, value - truth.value[known] - truth.error[known]).clip(min=0)
                row = [len(value), (beyond > 0).sum(), beyond.max(), (~is_resolved).sum()]
                totals[way] = np.array([*(totals[way] + row)[:2], max(totals[way][2], row[2]), totals[way][3] + row[3]])
                cells += f" {row[1]} | {row[2]:.4f} | {row[3]} |"
            print(f"| {name} | {step} | {known.sum()} |{cells}", flush=True)
    for way, (images, beyond, worst, unresolved) in totals.items():
        print(
            f"{way}: {images:.0f} images, {100 * beyond / images:.3f} % further than three stated errors (the worst by "
            f"{worst:.4f} nats more), {100 * unresolved / images:.3f} % not resolved"
        )


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    with torch.no_grad():
        main()
