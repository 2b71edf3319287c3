"""Contrasts: every preset can be, differs in what it says, and says it."""

import itertools
import re

import pytest
import torch

from vae_core.run.catalogue import by_name, catalogue
from vae_core.run.contrasts import (
    CONTRASTS,
    FEWEST,
    MOST,
    VARIABLE,
    contrast,
    differences,
    in_words,
    plans_of,
    question_of,
    titles,
    vary,
)
from vae_core.run.recipe import Recipe, RecipeError
from vae_core.trainer.trainer import Trainer

RULES = catalogue()
SMALL = {"dataset": "digits", "hidden": (16,)}
TITLES = {
    "noise": ["Noise on", "Noise off"],
    "mean": ["VAE", "Mean only"],
    "offset": ["VAE", "Deterministic offset"],
    "encoders": ["Deterministic offset", "Autoencoder · one wider encoder"],
    "batch": ["VAE · batch 16", "Moment matching · batch 16", "VAE · batch 1,024", "Moment matching · batch 1,024"],
    "prior": ["Autoencoder", "Spline flow"],
    "horse": [
        "Noise on · all images",
        "Noise off · all images",
        "Noise on · 20 images",
        "Noise off · 20 images",
    ],
    "beta": ["β = 0.1", "β = 1", "β = 10"],
    "sigma": ["σ₀ = 0.1", "σ₀ = 1"],
}


def dumps(preset, **fields):
    return [Recipe(**recipe).model_dump() for recipe in preset.recipes(**fields)]


def test_names_are_known_and_differ():
    assert [preset.name for preset in CONTRASTS] == list(TITLES)
    assert len({preset.title for preset in CONTRASTS}) == len(CONTRASTS)


@pytest.mark.parametrize("preset", CONTRASTS, ids=lambda preset: preset.name)
def test_a_preset_differs_in_what_it_declares_and_in_nothing_else(preset):
    recipes = dumps(preset)
    assert FEWEST <= len(recipes) <= MOST and preset.question.endswith("?")
    declared = {name for own in preset.differing for name in own if name != "knobs"}
    declared |= {f"knob.{name}" for own in preset.differing for name in own.get("knobs", {})}
    found = set(differences(recipes))
    # Rules differ in the defaults of equal knobs.
    defaults = [Recipe(rule=recipe["rule"]).knobs for recipe in recipes]
    knobs = {name for name in found - declared if name.startswith("knob.")}
    for name in (name.removeprefix("knob.") for name in knobs):
        assert [recipe["knobs"].get(name) for recipe in recipes] == [own.get(name) for own in defaults]
    assert found - knobs <= declared and found - knobs
    # What is declared and does not show is a knob of one rule alone.
    for name in declared - found:
        assert sum(name.removeprefix("knob.") in recipe["knobs"] for recipe in recipes) == 1, name
    assert titles(recipes, RULES) == TITLES[preset.name]
    assert len({(r["dataset"], r["seed"], r["pixels"], r["hidden"], r["learning_rate"]) for r in recipes}) == 1


@pytest.mark.parametrize("preset", CONTRASTS, ids=lambda preset: preset.name)
def test_the_runs_of_a_preset_start_alike_and_see_equal_batches(preset):
    trainers = [Trainer(Recipe(**recipe), "cpu", 20) for recipe in preset.recipes(**SMALL)]
    for one, other in itertools.combinations(trainers, 2):
        for (name, a), (_, b) in zip(one.decoder.named_parameters(), other.decoder.named_parameters(), strict=True):
            # Decoders end in the mean of the training images, which other images have differently.
            if one.recipe.train_size == other.recipe.train_size or a.shape[0] != 784 or a.dim() > 1:
                assert torch.equal(a, b), name
        if one.recipe.wider == other.recipe.wider:
            for (name, a), (_, b) in zip(
                one.encoder.layers.named_parameters(), other.encoder.layers.named_parameters(), strict=True
            ):
                assert torch.equal(a, b), name
            assert torch.equal(one.encoder.heads["mean"].weight, other.encoder.heads["mean"].weight)
        same = ("batch_size", "train_size")
        if all(getattr(one.recipe, name) == getattr(other.recipe, name) for name in same):
            for step in (0, 3, 40):
                (batch, eps), (other_batch, other_eps) = one.training_set.batch(step), other.training_set.batch(step)
                assert torch.equal(batch.images, other_batch.images) and torch.equal(batch.rows, other_batch.rows)
                assert torch.equal(eps, other_eps)


def test_differences_of_recipes():
    recipes = [Recipe(rule="vae", seed=1), Recipe(rule="mean_only", knobs={"beta": 4}), Recipe(rule="autoencoder")]
    found = differences([recipe.model_dump() for recipe in recipes])
    assert found == {
        "rule": ["vae", "mean_only", "autoencoder"],
        "knob.beta": [1.0, 4.0, None],
        "seed": [1, 0, 0],
    }
    assert list(found)[:2] == ["rule", "knob.beta"]
    words = titles([recipe.model_dump() for recipe in recipes], RULES)
    assert words == ["VAE · β = 1 · seed 1", "Mean only · β = 4 · seed 0", "Autoencoder · seed 0"]
    twins = [Recipe().model_dump()] * 2
    assert differences(twins) == {} and titles(twins, RULES) == ["VAE", "VAE"]


@pytest.mark.parametrize(
    ("setting", "values"),
    [("rule", ["vae", "offset"]), ("knob.beta", [0.5, 2.0]), ("hidden", [(32,), (64, 32)]), ("encoders", [1, 3])],
)
def test_vary_one_setting(setting, values):
    recipes = [Recipe(**fields) for fields in vary({"rule": "vae", "knobs": {"beta": 3.0}}, setting, values)]
    assert differences([recipe.model_dump() for recipe in recipes])[setting] == values


def test_every_variable_field_is_a_field_and_has_words():
    assert set(VARIABLE) < set(Recipe.model_fields) and not {"dataset", "pixels", "knobs"} & set(VARIABLE)
    rule = by_name(RULES)["vae"]
    defaults = Recipe().model_dump()
    assert all(isinstance(in_words(name, defaults[name], rule), str) for name in VARIABLE)


def test_addresses():
    plans = plans_of({"contrast": ["beta"], "dataset": ["digits"], "hidden": ["32-16"], "seed": ["5"]})
    assert [Recipe(**recipe).knobs["beta"] for recipe, _ in plans] == [0.1, 1.0, 10.0]
    assert all(recipe["hidden"] == ["32", "16"] and recipe["seed"] == "5" for recipe, _ in plans)
    assert question_of({"contrast": ["beta"]}) == contrast("beta").question and question_of({"run": ["rule=vae"]}) == ""
    runs = plans_of({"run": ["rule=vae&knob.beta=4&event=500,noise=0", "rule=offset"]})
    assert runs[0] == ({"rule": "vae", "knobs": {"beta": "4"}}, [{"step": 500, "noise": 0.0}])
    assert runs[1] == ({"rule": "offset", "knobs": {}}, [])


def test_what_others_append_to_an_address_is_left_alone():
    for query in ({"contrast": ["beta"]}, {"run": ["rule=vae", "rule=offset"]}):
        assert plans_of({**query, "utm_source": ["mail"]}) == plans_of(query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"contrast": ["betta"]}, "Unknown contrast 'betta'. Did you mean 'beta'?"),
        ({"contrast": ["beta"], "hiden": ["8"]}, "Unknown setting in the link 'hiden'. Did you mean 'hidden'?"),
        ({"contrast": ["beta"], "event": ["5,noise=0"]}, "A contrast has no events"),
        ({"run": ["rule=vae"], "seed": ["3"]}, "Unknown setting in the link 'seed'. Valid: run"),
        ({"run": ["rule=vae&event=soon"]}, "The event 'soon' of the link cannot be read"),
    ],
)
def test_a_bad_address_gets_a_sentence(query, words):
    with pytest.raises(RecipeError, match=re.escape(words)):
        plans_of(query)
