"""The command line: every field of a recipe is an option, and what is wrong is one sentence."""

import pytest

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
