"""The table of the rules: every measure is there or is said not to be defined."""

import json
import math

import numpy as np
import pytest

from tests.conftest import small
from vae_core import exact
from vae_core.__main__ import main
from vae_core.analysis.assessment import COLUMNS, as_markdown, assess
from vae_core.trainer.trainer import Trainer

OF_A_POSTERIOR = {"kl", "elbo", "gap", "approximation", "amortization", "aggregate_kl", "mutual_information"}


@pytest.mark.parametrize("rule", ["vae", "autoencoder", "flow"])
def test_all_measures_of_a_run(rule):
    trainer = Trainer(small(rule=rule), points=297)
    trainer.train(200)
    row = assess(trainer, images=20)
    assert set(row) == set(COLUMNS)
    missing = {name for name, value in row.items() if value is None}
    assert missing == ({"log_marginal_rule"} if rule == "vae" else OF_A_POSTERIOR - {"log_marginal_rule"}) | (
        {"log_marginal_rule"} if rule == "autoencoder" else set()
    )
    assert all(math.isfinite(value) for value in row.values() if value is not None)
    raw = np.array(trainer.dataset.test_images)
    few = raw[np.linspace(0, len(raw) - 1, 20).astype(int)]
    assert row["log_marginal"] == pytest.approx(float(exact.log_marginal(trainer, few, exact.standard("cpu")).mean()))
    if rule == "vae":
        assert row["elbo"] + row["gap"] == pytest.approx(row["log_marginal"])
        assert row["approximation"] + row["amortization"] == pytest.approx(row["gap"])
        assert row["mutual_information"] + row["aggregate_kl"] == pytest.approx(row["kl"])


def test_table():
    rows = {"a": [{**dict.fromkeys(COLUMNS), "kl": 1.0}, {**dict.fromkeys(COLUMNS), "kl": 3.0}], "b": []}
    rows["b"] = [{**dict.fromkeys(COLUMNS), "elbo": -2.0, "gap": -0.001}]
    assert as_markdown(rows).splitlines()[2:] == ["| a | 2.00 ± 1.41 | — | — |", "| b | — | −2.0 | 0.00 |"]


def test_command(tmp_path, capsys):
    out = tmp_path / "table.json"
    command = ["measures", "--rules", "vae", 'moment_matching:{"which": "mmd"}', "--epochs", "0.5", "--seeds", "2"]
    command += ["--images", "10", "--dataset", "digits", "--out", str(out)]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert 'moment_matching:{"which": "mmd"}' in table and table.count("±") > 10
    found = json.loads(out.read_text())["rules"]
    assert len(found["vae"]) == 2 and found["vae"][0] != found["vae"][1]
    assert main(command) == 0 and capsys.readouterr().out == table  # nothing is run again


def test_command_says_what_is_wrong(capsys):
    assert main(["measures", "--rules", "vea"]) == 2
    assert "Did you mean 'vae'" in capsys.readouterr().err
