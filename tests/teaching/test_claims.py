"""The ledger: what claims say, that each can be measured, and that the sure ones hold."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.conftest import small
from vae_core.__main__ import main
from vae_core.teaching.claims import all_claims
from vae_core.teaching.claims.bench import Bench
from vae_core.teaching.claims.ledger import (
    MEASURED,
    Effect,
    Finding,
    between,
    claim,
    find,
    interval_of,
    less,
    record,
    recorded,
    spread,
)
from vae_core.teaching.claims.table import QUESTIONS, rows, setting_in_words
from vae_core.teaching.claims.writing import train_with_draws
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

CLAIMS = all_claims()


@pytest.fixture(scope="module")
def bench() -> Bench:
    """One seed, two fifths of the training."""
    at_hand = "NOISE_LAB_DATA" in os.environ
    return Bench(
        seeds=1, epochs=2, dataset="mnist" if at_hand else "digits", images=40, shortened=1.0 if at_hand else 0.3
    )


@pytest.fixture(scope="module")
def brief() -> Bench:
    """For claims of which nothing is asked but figures."""
    return Bench(seeds=1, epochs=3, dataset="digits", images=20, shortened=0.1)


@pytest.mark.parametrize("name", list(CLAIMS))
def test_claims_can_be_measured(name, bench, brief):
    """On MNIST, those that are as sure after short training have their verdict then, too; theorems always."""
    own = CLAIMS[name]
    bench = bench if own.short else brief
    finding = own.measure(bench)
    assert all(math.isfinite(v) for values in finding.figures.values() for v in values)
    if own.theorem or (own.short and bench.dataset == "mnist"):
        assert own.verdict(finding) == own.expects, finding.words()


def test_at_least_thirty_over_all_questions():
    assert len(CLAIMS) >= 30
    assert {c.question for c in CLAIMS.values()} == set(QUESTIONS) == set(range(1, 8))
    assert all(c.sentence.endswith(".") and len(c.sentence) < 160 for c in CLAIMS.values())
    assert not any(c.short and c.expects == "depends on the seed" for c in CLAIMS.values()), "one seed cannot tell"


def test_the_ledger_gives_every_sentence_the_verdict_that_it_is_written_for():
    setting, findings = recorded()
    assert set(findings) == set(CLAIMS), "run python -m vae_core claims"
    assert setting["seeds"] >= 5 and setting["dataset"] == "mnist"
    assert setting["first"] > 1000, "seeds that no sentence was written by"
    saved = json.loads(MEASURED.read_text())["claims"]
    for name, entry in saved.items():
        own, finding = CLAIMS[name], findings[name]
        assert entry["sentence"] == own.sentence, f"{name} was measured under another sentence"
        assert entry["verdict"] == own.verdict(finding) == own.expects, f"{name}: {finding.words()}: it should say so"
        assert all(effect.interval == pytest.approx(interval_of(effect.values)) for effect in finding.effects)


def test_the_interval_is_students():
    """Of 1, 2, 3, 4, 5: mean 3, deviation √2.5, and t(0.975; 4) = 2.776 from any table."""
    low, high = interval_of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (low, high) == pytest.approx((3 - 2.776 * math.sqrt(2.5 / 5), 3 + 2.776 * math.sqrt(2.5 / 5)), abs=1e-3)
    assert interval_of([2.0]) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("values", "least", "most", "verdict"),
    [
        ([1.0, 1.1, 0.9], 0, None, "holds"),
        ([1.0, 1.1, 0.9], None, 0, "fails"),
        ([1.0, 1.1, 0.9], 2, 5, "fails"),
        ([1.0, 3.0, -2.0], 0, None, "depends on the seed"),
        ([1.0, 1.1, 0.9], 1, None, "depends on the seed"),
        ([1.0, 1.0], 1, 1, "holds"),
    ],
)
def test_verdicts_come_from_the_interval(values, least, most, verdict):
    assert between("", values, least, most).verdict == verdict


def test_a_finding_holds_where_all_effects_do():
    holds, fails, depends = between("", [1.0], 0), between("", [1.0], 2), between("", [1.0, 3.0, -2.0], 0)
    assert Finding({}, "", [holds, holds]).verdict == "holds"
    assert Finding({}, "", [holds, depends]).verdict == "depends on the seed"
    assert Finding({}, "", [depends, fails, holds]).verdict == "fails"


def test_a_theorem_holds_for_each_seed_or_the_code_is_wrong():
    theorem = next(own for own in CLAIMS.values() if own.theorem)
    assert theorem.verdict(Finding({}, "", [between("", [0.0, 1e-9, 1e-7], 0, 1e-6)])) == "by construction"
    assert theorem.verdict(Finding({}, "", [between("", [0.0, 0.0, 1e-5], 0, 1e-6)])) == "fails"


def test_findings_in_words():
    one, other = [3.0, 1.0], [1.0, 2.0]
    finding = find("nats", [less("one less other", one, other, 0)], the_first=one, second=other)
    assert finding.words() == (
        "the first: 2.00 ± 1.41, second: 1.50 ± 0.71 nats; one less other: 0.50 [−18.56, 19.56] (2 seeds)"
    )
    assert find("", [between("x", [1.0])], x=[1.0]).words() == "x: 1.00 (1 seed)", "not twice"
    assert [spread([v]) for v in (1234.5, -146.52, 1.234, 0.01234)] == ["1234", "−146.5", "1.23", "0.012"]


def test_names_are_unique():
    name = next(iter(CLAIMS))
    with pytest.raises(ValueError, match=name):
        claim(name, 1, "Again.")(lambda bench: None)


def test_ledger_comes_back_from_the_file(tmp_path):
    name = next(iter(CLAIMS))
    finding = Finding({"a": [1.0, 2.0]}, "nats", [Effect("a", [1.0, 2.0], (0.5, 2.5), 0, None)])
    setting = {"seeds": 2, "first": 7, "epochs": 5.0, "images": 10, "dataset": "mnist"}
    record({name: finding}, setting, tmp_path / "l.json")
    setting, findings = recorded(tmp_path / "l.json")
    assert findings == {name: finding} and setting["epochs"] == 5
    assert rows(tmp_path / "l.json")[0]["sentence"] == CLAIMS[name].sentence
    assert "1 claims, 2 seeds each" in setting_in_words(tmp_path / "l.json")


def test_command_for_one_claim(tmp_path, capsys):
    out = tmp_path / "ledger.json"
    command = ["claims", "--only", "offset-is-no-noise", "--seeds", "1", "--dataset", "digits", "--out", str(out)]
    assert main(command) == 0
    assert "| by construction |" in capsys.readouterr().out and "offset-is-no-noise" in out.read_text()
    kept = out.read_text()
    assert main(command) == 0, "gone on with: nothing is left to measure"
    assert "| by construction |" in capsys.readouterr().out and out.read_text() == kept
    assert main(["claims", "--only", "offset-is-noise"]) == 2
    assert "Did you mean 'offset-is-no-noise'" in capsys.readouterr().err


def test_the_board_needs_no_torch():
    code = "import sys, vae_core.teaching.claims.table as b; b.rows; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- what the bench measures -----------------------------------------------------------------------


def test_one_draw_trains_as_the_trainer_does():
    ours, theirs = (Trainer(small(rule="vae"), "cpu", 50) for _ in range(2))
    theirs.train(8)
    with torch.enable_grad():
        train_with_draws(ours, 8, draws=1)
    assert ours.step_count == 8
    for name, weight in ours.networks.state_dict().items():
        assert torch.allclose(weight, theirs.networks.state_dict()[name], atol=2e-3), name


def test_more_draws_of_a_batch_have_the_same_mean_gradient():
    """With the noise switched off all draws are one."""
    one, eight = (Trainer(small(rule="vae", noise=0.0), "cpu", 50) for _ in range(2))
    with torch.enable_grad():
        train_with_draws(one, 3, draws=1)
        train_with_draws(eight, 3, draws=8)
    for name, weight in one.networks.state_dict().items():
        assert torch.allclose(weight, eight.networks.state_dict()[name], atol=2e-3), name


def test_what_the_noise_costs_each_image_adds_up(brief):
    run = brief.runs("vae")[0]
    trainer, images = run.trainer, run.trainer.points.images[:PROBE]
    with torch.no_grad():
        trainer.at_rest()
        heads = trainer.encoder(images)
        scale = (0.5 * heads["log_variance"]).exp()
        draws = torch.randn(400, len(images), 2, generator=torch.Generator().manual_seed(1))
        at_mean = trainer.nats(trainer.decoder(heads["mean"]), images)
        cost = sum(trainer.nats(trainer.decoder(heads["mean"] + scale * eps), images) - at_mean for eps in draws) / 400
    error = cost.std() / len(cost) ** 0.5
    assert len(run.noise_costs) == len(images)
    assert run.noise_costs.mean() == pytest.approx(float(cost.mean()), abs=max(float(error), 0.05))
    assert np.corrcoef(run.noise_costs, cost)[0, 1] > 0.9


def test_the_mean_image_is_painted_for_all(brief):
    run = brief.runs("vae")[0]
    trainer = run.trainer
    p = trainer.training_set.mean_image.double().clamp(1e-4, 1 - 1e-4)
    x = trainer.points.images[:PROBE].double()
    assert run.mean_image_nats == pytest.approx(float(-(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean()), abs=1e-3)


def test_a_course_is_that_of_the_run(brief):
    course = brief.courses("vae", steps=200)[0]
    assert len(course) > 5 and course[-1] == pytest.approx(brief.runs("vae", steps=200)[0].metric("reconstruction"))
    assert course[0] > course[-1]


def test_a_switch_comes_after_the_steps(brief):
    runs = brief.runs("vae", steps=300, then={"noise": 0.0}, more=100)
    assert [(event.step, event.noise) for event in runs[0].trainer.events] == [(30, 0.0)]
    assert runs[0].trainer.step_count == 40
