"""The command line: every field of a recipe is an option, and what is wrong is one sentence."""

import os
import subprocess
import sys

import pytest
import torch

from vae_core.__main__ import main
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run

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
def test_a_device_that_is_not_there_is_one_sentence(capsys):
    assert main([*DIGITS, "--device", "cuda"]) == 2
    assert capsys.readouterr().err == "No CUDA device was found. Use the device 'cpu' or 'auto'.\n"


def test_a_recording_is_not_mixed_with_another(tmp_path, capsys):
    out = ["--out", str(tmp_path / "run")]
    assert main([*DIGITS, "--every", "1", *out]) == 0
    assert main([*DIGITS, "--rule", "autoencoder", *out]) == 2
    assert "add --replace" in capsys.readouterr().err and Run.open(tmp_path / "run").recipe.rule == "vae"
    assert main([*DIGITS, "--rule", "vea", "--replace", *out]) == 2 and Run.open(tmp_path / "run").steps == [0, 1, 2, 3]
    assert main([*DIGITS, "--rule", "autoencoder", "--replace", *out]) == 0
    run = Run.open(tmp_path / "run")
    assert run.steps == [0, 3] and {run.frame(step).rule for step in run.steps} == {"autoencoder"}


def test_a_pipe_that_knows_few_letters_is_no_error(tmp_path):
    """As where output is piped on Windows."""
    command = [sys.executable, "-m", "vae_core", *DIGITS]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, capture_output=True, check=False)
    assert done.returncode == 0 and b"3 steps" in done.stdout and b"Error" not in done.stderr
