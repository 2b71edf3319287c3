"""The ledger: what claims say, that each can be measured, and that the sure ones hold."""

import json
import math
import os
import subprocess
import sys

import pytest

from vae_core.__main__ import main
from vae_core.teaching.claims import all_claims
from vae_core.teaching.claims.bench import Bench
from vae_core.teaching.claims.ledger import MEASURED, Finding, claim, find, find_together, record, recorded, spread
from vae_core.teaching.claims.table import QUESTIONS, rows, setting_in_words

CLAIMS = all_claims()


@pytest.fixture(scope="module")
def bench() -> Bench:
    """One seed, a third of the training."""
    at_hand = "NOISE_LAB_DATA" in os.environ
    return Bench(
        seeds=1, epochs=3, dataset="mnist" if at_hand else "digits", images=40, shortened=1.0 if at_hand else 0.3
    )


@pytest.fixture(scope="module")
def brief() -> Bench:
    """For claims of which nothing is asked but figures."""
    return Bench(seeds=1, epochs=3, dataset="digits", images=20, shortened=0.1)


@pytest.mark.parametrize("name", list(CLAIMS))
def test_claims_can_be_measured(name, bench, brief):
    """The sure ones hold after short training too, on MNIST."""
    bench = bench if CLAIMS[name].short else brief
    finding = CLAIMS[name].measure(bench)
    assert all(math.isfinite(v) for values in finding.figures.values() for v in values)
    if CLAIMS[name].short and bench.dataset == "mnist":
        assert finding.verdict == "holds", finding.words()


def test_at_least_thirty_over_all_questions():
    assert len(CLAIMS) >= 30
    assert {c.question for c in CLAIMS.values()} >= set(range(1, 7)) and set(QUESTIONS) == set(range(1, 8))
    assert all(c.sentence.endswith(".") and len(c.sentence) < 160 for c in CLAIMS.values())


def test_the_ledger_holds_every_claim_at_three_seeds():
    setting, findings = recorded()
    assert set(findings) == set(CLAIMS), "run python -m vae_core claims"
    assert setting["seeds"] >= 3 and setting["dataset"] == "mnist"
    saved = json.loads(MEASURED.read_text())["claims"]
    for name, entry in saved.items():
        assert entry["sentence"] == CLAIMS[name].sentence, f"{name} was measured under another sentence"
        assert findings[name].verdict == "holds", f"{name}: {findings[name].words()}: the sentence should say so"


def test_findings_in_words():
    finding = find(lambda a, b: a < b, "nats", the_first=[1.0, 2.0], second=[3.0, 1.0])
    assert finding.verdict == "mixed" and finding.holds == [True, False]
    assert finding.words() == "the first: 1.50 ± 0.71, second: 2.00 ± 1.41 nats (2 seeds)"
    assert find(lambda a: a > 5, "", x=[1.0]).verdict == "does not hold"
    assert [spread([v]) for v in (1234.5, -146.52, 1.234, 0.01234)] == ["1234", "−146.5", "1.23", "0.012"]


def test_a_sentence_about_all_seeds_is_asked_once():
    asked = []
    finding = find_together(lambda a, b: asked.append((a, b)) or sum(a) < sum(b), "", a=[1.0, 3.0], b_1=[2.0, 2.5])
    assert asked == [([1.0, 3.0], [2.0, 2.5])]
    assert finding.holds == [True, True] and finding.figures == {"a": [1.0, 3.0], "b 1": [2.0, 2.5]}
    assert find_together(lambda a, b: sum(a) > sum(b), "", a=[1.0, 3.0], b=[2.0, 2.5]).verdict == "does not hold"


def test_names_are_unique():
    name = next(iter(CLAIMS))
    with pytest.raises(ValueError, match=name):
        claim(name, 1, "Again.")(lambda bench: None)


def test_ledger_comes_back_from_the_file(tmp_path):
    name = next(iter(CLAIMS))
    finding = Finding({"a": [1.0, 2.0]}, "nats", [True, True])
    record({name: finding}, {"seeds": 2, "epochs": 5.0, "images": 10, "dataset": "mnist"}, tmp_path / "l.json")
    setting, findings = recorded(tmp_path / "l.json")
    assert findings == {name: finding} and setting["epochs"] == 5
    assert rows(tmp_path / "l.json")[0]["sentence"] == CLAIMS[name].sentence
    assert "1 claims, 2 seeds each" in setting_in_words(tmp_path / "l.json")


def test_command_for_one_claim(tmp_path, capsys):
    out = tmp_path / "ledger.json"
    command = ["claims", "--only", "offset-is-no-noise", "--seeds", "1", "--dataset", "digits", "--out", str(out)]
    assert main(command) == 0
    assert "| holds |" in capsys.readouterr().out and "offset-is-no-noise" in out.read_text()
    assert main(["claims", "--only", "offset-is-noise"]) == 2
    assert "Did you mean 'offset-is-no-noise'" in capsys.readouterr().err


def test_the_board_needs_no_torch():
    code = "import sys, vae_core.teaching.claims.table as b; b.rows; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
