"""Recipes: defaults, and one clear sentence for everything that cannot be."""

import typing

import pytest

from vae_core.run.recipe import Recipe, RecipeError, parse_knobs
from vae_core.trainer.networks import ACTIVATIONS


def test_defaults_fill_in_all_knobs():
    assert Recipe().knobs == {"beta": 1.0, "s": 1.0}
    assert Recipe(rule="autoencoder").knobs == {}


def test_is_frozen_and_comparable():
    assert Recipe(seed=3) == Recipe(seed=3) != Recipe(seed=4)
    with pytest.raises(Exception, match="frozen"):
        Recipe().seed = 1


def test_activations_are_those_of_the_networks():
    assert set(typing.get_args(Recipe.model_fields["activation"].annotation)) == set(ACTIVATIONS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rule": "vea"}, ["Unknown rule 'vea'", "Did you mean 'vae'", "autoencoder", "offset"]),
        ({"dataset": "cifar"}, ["Unknown data set 'cifar'", "mnist", "digits", "fashion_mnist"]),
        ({"knobs": {"betta": 1}}, ["Unknown knob of rule 'vae' 'betta'", "beta"]),
        ({"knobs": {"beta": -1}}, ["'beta' of rule 'vae'", "greater than or equal to 0", "-1"]),
        ({"knobs": {"beta": float("nan")}}, ["'beta'", "finite"]),
        ({"rule": "offset", "knobs": {"f": "magic"}}, ["'f'", "second_encoder", "table", "magic"]),
        ({"learning_rate": float("inf")}, ["learning_rate", "finite"]),
        ({"learning_rate": "fast"}, ["learning_rate", "valid number", "fast"]),
        ({"hidden": ()}, ["hidden"]),
        ({"hidden": (0,)}, ["hidden"]),
        ({"batch_size": 0}, ["batch_size", "greater than or equal to 1"]),
        ({"train_size": 70000}, ["train_size", "60000"]),
        ({"noise": 2}, ["noise", "less than or equal to 1"]),
        ({"likelihood": "poisson"}, ["likelihood", "'bernoulli' or 'gaussian'", "poisson"]),
        ({"deviation": 0}, ["deviation", "greater than or equal to 0.01"]),
        ({"deviation": float("nan")}, ["deviation", "finite"]),
        ({"pixels": "colour"}, ["pixels", "'grey' or 'binarized'", "colour"]),
        ({"encoders": 9}, ["encoders", "less than or equal to 8"]),
        ({"encoders": 1.5}, ["encoders", "integer"]),
        ({"sneed": 1}, ["Unknown recipe field 'sneed'", "Did you mean 'seed'"]),
    ],
)
def test_bad_input_is_one_sentence(fields, words):
    with pytest.raises(RecipeError) as error:
        Recipe(**fields)
    text = str(error.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_knobs_read_from_text():
    knobs = parse_knobs("mean_only", {"beta": "0.25", "squash": "true"})
    assert knobs.beta == 0.25 and knobs.squash is True
