"""The command line: every field of a recipe is an option, and what is wrong is one sentence."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from vae_core.__main__ import main
from vae_core.commands import claims, measures, text
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run
from vae_core.teaching import studies
from vae_core.teaching.claims import ledger

ROOT = Path(__file__).parents[2]
DIGITS = ["train", "--dataset", "digits", "--hidden", "16-8", "--batch-size", "32", "--steps", "3"]


def test_options_make_the_recipe(tmp_path, capsys):
    asked = ["--rule", "mean_only", "--knobs", '{"sigma0": 0.5}', "--likelihood", "gaussian", "--deviation", "0.3"]
    more = [
        "--pixels",
        "binarized",
        "--encoders",
        "2",
        "--train-size",
        "50",
        "--learning-rate",
        "1e-3",
        "--noise",
        "0.5",
    ]
    assert main([*DIGITS, *asked, *more, "--out", str(tmp_path / "run")]) == 0
    run = Run.open(tmp_path / "run")
    assert run.recipe == Recipe(
        dataset="digits", hidden=(16, 8), batch_size=32, rule="mean_only", knobs={"sigma0": 0.5}, noise=0.5,
        likelihood="gaussian", deviation=0.3, pixels="binarized", encoders=2, train_size=50, learning_rate=1e-3,
    )  # fmt: skip
    assert run.steps[-1] == 3 and "3 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rule", "vea"], "Did you mean 'vae'"),
        (["--encoders", "many"], "'encoders' should be a valid integer"),
        (["--hidden", "wide"], "hidden"),
        (["--knobs", "{beta"], "should be JSON"),
        (["--likelihood", "poisson"], "'bernoulli' or 'gaussian'"),
    ],
)
def test_bad_options_are_one_sentence(options, words, capsys):
    assert main([*DIGITS, *options]) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1


def test_help_names_every_field(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = capsys.readouterr().out
    assert all("--" + name.replace("_", "-") in text for name in Recipe.model_fields)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["train", "--every", "0"], "--every: it should be a whole number, 1 or more; it was '0'"),
        (["train", "--every", "-4"], "1 or more; it was '-4'"),
        (["train", "--steps", "0"], "1 or more; it was '0'"),
        (["train", "--seconds", "nan"], "a number above 0; it was 'nan'"),
        (["measures", "--epochs", "nan"], "a number above 0; it was 'nan'"),
        (["measures", "--epochs", "many"], "a number above 0; it was 'many'"),
        (["measures", "--images", "0"], "1 or more; it was '0'"),
        (["measures", "--seeds", "0"], "1 or more; it was '0'"),
        (["measures", "--out", "no/such/folder/table.json"], "Give a file in a folder that there is"),
        (["claims", "--seeds", "0"], "1 or more; it was '0'"),
        (["study", "sizes", "--out", "."], "cannot be written"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_trained(options, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(options)
    told = capsys.readouterr().err
    assert ended.value.code == 2 and words in told and "Traceback" not in told


def test_a_damaged_table_is_told_before_hours_of_work(tmp_path, capsys):
    (damaged := tmp_path / "table.json").write_text('{"vae": [')
    for command in (["measures"], ["claims"], ["study", "sizes"]):
        with pytest.raises(SystemExit):
            main([*command, "--out", str(damaged)])
        assert "is damaged. Delete it" in capsys.readouterr().err
    assert damaged.read_text() == '{"vae": ['


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
@pytest.mark.parametrize("command", [DIGITS, ["measures", "--dataset", "digits"], ["claims", "--dataset", "digits"]])
def test_a_device_that_is_not_there_is_one_sentence(command, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert main([*command, "--device", "cuda", *out]) == 2 and not list(tmp_path.iterdir())
    assert capsys.readouterr().err == "No CUDA device was found. Use the device 'cpu' or 'auto'.\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["measures", "--rules", "vae", "vea"], "Unknown rule 'vea'. Did you mean 'vae'"),
        (["measures", "--rules", "vae:{beta"], "should be JSON"),
        (["measures", "--dataset", "mnits"], "Unknown data set 'mnits'. Did you mean 'mnist'"),
        (["claims", "--dataset", "mnits"], "Unknown data set 'mnits'. Did you mean 'mnist'"),
        (["claims", "--only", "no-such"], "Unknown claim 'no-such'"),
        (["claims", "--first", "2147483644"], "less than or equal to 2147483647"),
    ],
)
def test_a_name_that_is_none_is_told_before_anything_is_trained(command, words, capsys):
    assert main(command) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1


@pytest.mark.parametrize("command", [["measures"], ["claims"], ["study", "moved"]])
def test_nothing_is_measured_of_a_data_set_that_is_not_there(command, tmp_path, capsys, monkeypatch):
    out = ["--out", str(tmp_path / "table.json")]
    monkeypatch.setenv("NOISE_LAB_DATA", str(tmp_path))
    assert main([*command, *out]) == 2 and not list(tmp_path.iterdir())
    assert "holds none of MNIST's files" in capsys.readouterr().err
    monkeypatch.setattr(text, "load_dataset", lambda name: SimpleNamespace(banner="Digits stand in."))
    assert main([*command, *out]) == 2 and not list(tmp_path.iterdir())
    assert capsys.readouterr().err == (
        "The data set 'mnist' was not found. Set NOISE_LAB_DATA to a folder with its files.\n"
    )


@pytest.mark.parametrize("kind", ["a list", "another file", "a ledger", "rows", "rows of another study"])
@pytest.mark.parametrize("command", [["measures"], ["claims"], ["study", "sizes"]])
def test_a_file_of_another_kind_is_left_alone(command, kind, tmp_path, capsys):
    own = {"claims": "a ledger", "sizes": "rows"}
    if own.get(command[-1]) == kind:
        return
    out = tmp_path / "table.json"
    out.write_bytes(
        {
            "a list": b"[1, 2]",
            "another file": b'{"setting": {}, "rules": {"vae": 3}, "claims": {"vae": 3}}',
            "a ledger": ledger.MEASURED.read_bytes(),
            "rows": (studies.MEASURED / "sizes.json").read_bytes(),
            "rows of another study": (studies.MEASURED / "moved.json").read_bytes(),
        }[kind]
    )
    before = out.read_bytes()
    assert main([*command, "--seeds", "1", "--out", str(out)]) == 2 and out.read_bytes() == before
    told = capsys.readouterr().err
    assert "Give another file by --out" in told and told.count("\n") == 1


def test_a_ledger_of_other_settings_is_left_alone(tmp_path, capsys):
    (out := tmp_path / "ledger.json").write_bytes(before := ledger.MEASURED.read_bytes())
    assert main(["claims", "--seeds", "4", "--out", str(out)]) == 2 and out.read_bytes() == before
    assert "was measured with --seeds 5, and now 4 is asked" in capsys.readouterr().err
    (old := tmp_path / "old.json").write_text(json.dumps({"setting": {"seeds": 1}, "claims": {}}))
    assert main(["claims", "--seeds", "1", "--out", str(old)]) == 2, "not every setting is known"


def test_a_claim_that_is_no_more_is_not_dropped(tmp_path, capsys):
    held = json.loads(ledger.MEASURED.read_text(encoding="utf-8"))
    held["claims"]["no-more"] = next(iter(held["claims"].values()))
    (out := tmp_path / "ledger.json").write_text(before := json.dumps(held))
    assert main(["claims", "--out", str(out)]) == 2 and out.read_text() == before
    assert "'no-more' is none" in capsys.readouterr().err


def test_the_package_own_ledger_is_known_to_be_writable_first(monkeypatch, capsys):
    monkeypatch.setattr(claims, "writable", lambda path: False)
    assert main(["claims", "--dataset", "digits"]) == 2
    assert "measured.json cannot be written. Give another file by --out." in capsys.readouterr().err


def test_measures_are_gone_on_with(tmp_path, capsys, monkeypatch):
    from vae_core.analysis import assessment

    asked = []
    figures = dict.fromkeys(assessment.COLUMNS, 1.0)
    monkeypatch.setattr(assessment, "assess", lambda trainer, images: asked.append(trainer.recipe.seed) or figures)
    out = tmp_path / "table.json"
    command = ["measures", "--rules", "vae", "--dataset", "digits", "--epochs", "0.01", "--out", str(out)]
    assert main([*command, "--seeds", "1"]) == 0 and main([*command, "--seeds", "2"]) == 0 and asked == [0, 1]
    assert "| vae | 1.0 ± 0.0 |" in capsys.readouterr().out
    before = out.read_bytes()
    assert main([*command, "--images", "5"]) == 2 and out.read_bytes() == before
    assert "was measured with --images 1000, and now 5 is asked" in capsys.readouterr().err
    monkeypatch.setattr(assessment, "COLUMNS", {**assessment.COLUMNS, "more": ("more", "nats", 1)})
    assert main([*command, "--seeds", "2"]) == 2 and out.read_bytes() == before
    assert "holds no measures of today's kind" in capsys.readouterr().err


def test_what_may_be_written(tmp_path, monkeypatch):
    (file := tmp_path / "file").write_text("{}")
    assert text.writable(file) and text.writable(tmp_path / "new")
    assert not text.writable(tmp_path) and not text.writable(file / "inner")
    monkeypatch.setattr(text.os, "access", lambda path, mode: path != tmp_path)
    assert not text.writable(file) and not text.writable(tmp_path / "new")


def test_a_file_that_cannot_be_replaced_is_one_sentence(tmp_path, monkeypatch, capsys):
    """As on a full disk; what was there before stays."""
    monkeypatch.setattr("vae_core.storage.export.try_replace", lambda path, data: False)
    assert main([*DIGITS, "--out", str(tmp_path / "run")]) == 2
    assert "state.npz cannot be written. Free some space" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["file", "file/inner"])
def test_a_folder_that_cannot_be_is_told_before_the_training(where, tmp_path, capsys, monkeypatch):
    from vae_core.trainer.trainer import Trainer

    monkeypatch.setattr(Trainer, "train", lambda *_: pytest.fail("it trains"))
    (tmp_path / "file").write_text("mine")
    assert main([*DIGITS, "--out", str(tmp_path / where)]) == 2 and (tmp_path / "file").read_text() == "mine"
    told = capsys.readouterr().err
    assert "could not be written to" in told and told.count("\n") == 1


@pytest.mark.parametrize("kind", ["missing", "a file", "empty", "no JSON", "no run", "a folder", "no frames"])
@pytest.mark.parametrize("to", ["zip", "safetensors"])
def test_a_folder_without_a_sound_run_is_one_sentence(kind, to, tmp_path, capsys):
    folder = tmp_path / "run"
    if kind == "a file":
        folder.write_text("mine")
    elif kind != "missing":
        folder.mkdir()
        if kind == "a folder":
            (folder / "run.json").mkdir()
        elif kind == "no frames":
            main([*DIGITS, "--out", str(folder)])
            (folder / "frames/000000003.frame").write_bytes(b"")
        elif kind != "empty":
            (folder / "run.json").write_text({"no JSON": "{", "no run": "[]"}[kind])
    capsys.readouterr()
    assert main(["export", str(folder), "--to", to]) == 2 and not list(tmp_path.glob("run.*"))
    told = capsys.readouterr().err
    assert "recording" in told and told.count("\n") == 1


def test_the_state_of_another_run_is_not_exported(tmp_path, capsys):
    for name, seed in (("one", "1"), ("two", "2")):
        assert main([*DIGITS, "--seed", seed, "--out", str(tmp_path / name)]) == 0
        assert main(["export", str(tmp_path / name), "--to", "safetensors"]) == 0
    kept = load_file(tmp_path / "one.safetensors")
    (tmp_path / "one/state.npz").write_bytes((tmp_path / "two/state.npz").read_bytes())
    assert main(["export", str(tmp_path / "one"), "--to", "safetensors"]) == 0
    again = load_file(tmp_path / "one.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in kept.items())
    assert "training again up to there" in capsys.readouterr().err


def test_a_replaced_run_keeps_no_state_of_the_old_one(tmp_path, monkeypatch):
    from vae_core.trainer.trainer import Trainer

    def stopped(*_):
        raise KeyboardInterrupt

    out = ["--out", str(tmp_path / "run")]
    assert main([*DIGITS, *out]) == 0 and (tmp_path / "run/state.npz").exists()
    monkeypatch.setattr(Trainer, "train", stopped)
    assert main([*DIGITS, "--replace", *out]) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["history"]["steps"] == [0]


def test_ctrl_c_is_no_traceback(monkeypatch, capsys):
    def stopped(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(measures, "execute", stopped)
    assert main(["measures"]) == 130 and capsys.readouterr().err == "\n"


def test_a_recording_is_not_mixed_with_another(tmp_path, capsys):
    out = ["--out", str(tmp_path / "run")]
    assert main([*DIGITS, "--every", "1", *out]) == 0
    assert main([*DIGITS, "--rule", "autoencoder", *out]) == 2
    assert "add --replace" in capsys.readouterr().err and Run.open(tmp_path / "run").recipe.rule == "vae"
    assert main([*DIGITS, "--rule", "vea", "--replace", *out]) == 2 and Run.open(tmp_path / "run").steps == [0, 1, 2, 3]
    assert main([*DIGITS, "--rule", "autoencoder", "--replace", *out]) == 0
    run = Run.open(tmp_path / "run")
    assert run.steps == [0, 3] and {run.frame(step).rule for step in run.steps} == {"autoencoder"}


COMMANDS = {
    "train": DIGITS,
    "measures": ["measures", "--rules", "vae", "--dataset", "digits", "--epochs", "0.01"],
    "claims": ["claims", "--only", "offset-is-no-noise", "--seeds", "1", "--dataset", "digits"],
    "help": ["study", "--help"],
    "no such rule": ["train", "--rule", "σ"],
    "no such option": ["train", "--σ"],
    "no such folder": ["export", "σ", "--to", "csv"],
}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_that_knows_few_letters_is_no_error(name, encoding, monkeypatch):
    """As where output is piped on Windows."""
    from vae_core.analysis import assessment

    monkeypatch.setattr(assessment, "assess", lambda *_: dict.fromkeys(assessment.COLUMNS, -1.0))
    pipes = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in "12"]
    monkeypatch.setattr(sys, "stdout", pipes[0])
    monkeypatch.setattr(sys, "stderr", pipes[1])
    try:
        code = main(COMMANDS[name])
    except SystemExit as ended:
        code = ended.code
    assert code == (2 if name.startswith("no such") else 0)
    assert any(pipe.tell() for pipe in pipes)


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
def test_a_pager_that_is_left_is_no_error():
    command = [sys.executable, "-m", "vae_core", *DIGITS]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
    ) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        told = running.stderr.read()
    assert running.returncode == 1 and b"Error" not in told, told
