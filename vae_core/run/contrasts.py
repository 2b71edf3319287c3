"""Contrasts: sets of runs that differ in named settings only. The presets of Compare, as data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from vae_core.run.catalogue import RuleEntry, by_name, default_knobs
from vae_core.run.link import KNOB, from_query, is_ours
from vae_core.run.recipe import Recipe, RecipeError, unknown

Plan = tuple[dict[str, Any], Sequence[dict[str, Any]]]  # fields of a recipe, and changes to make on the way

FEWEST, MOST = 2, 4  # runs side by side
CONTRAST, RUN = "contrast", "run"  # in the address: a preset's name, or the link of each member
LARGEST = Recipe.model_fields["train_size"].default
# Fields that a comparison may vary. The data set and its pixels are not among them: the dots of all
# planes are the same test images.
VARIABLE = (
    "rule", "noise", "train_size", "batch_size", "seed", "hidden", "activation",
    "learning_rate", "likelihood", "deviation", "encoders", "wider",
)  # fmt: skip


@dataclass(frozen=True)
class Contrast:
    """Runs to be seen side by side.

    Attributes:
        name: in the address.
        title: on the button.
        question: what the comparison answers.
        differing: for each run the recipe fields that are its own.
        common: recipe fields of all of them.
    """

    name: str
    title: str
    question: str
    differing: tuple[dict[str, Any], ...]
    common: dict[str, Any] = field(default_factory=dict)

    def recipes(self, **fields: Any) -> list[dict[str, Any]]:
        """Fields of each run's recipe; those given here hold for all that the contrast leaves open."""
        return [{**fields, **self.common, **own} for own in self.differing]


CONTRASTS = (
    Contrast("noise", "Noise on / off", "What does the noise do?", ({"noise": 1.0}, {"noise": 0.0})),
    Contrast("mean", "Mean only", "Why not learn the mean alone?", ({"rule": "vae"}, {"rule": "mean_only"})),
    Contrast(
        "offset",
        "Offset",
        "Would a fixed offset for each image do what noise does?",
        ({"rule": "vae"}, {"rule": "offset", "knobs": {"f": "table"}}),
    ),
    Contrast(
        "encoders",
        "Two encoders",
        "Is the sum of two encoders more than one encoder of the same size?",
        ({"rule": "offset", "knobs": {"f": "second_encoder"}}, {"rule": "autoencoder", "wider": True}),
    ),
    Contrast(
        "batch",
        "Normal batches",
        "Why not just insist that each batch is normal?",
        tuple({"rule": rule, "batch_size": size} for size in (16, 1024) for rule in ("vae", "moment_matching")),
    ),
    Contrast(
        "prior",
        "Flow prior",
        "Is it the decoder that fails, or the prior?",
        ({"rule": "autoencoder"}, {"rule": "flow", "knobs": {"mode": "frozen"}}),
    ),
    Contrast(
        "horse",
        "One horse",
        "If it has seen one horse only, what does noise change?",
        tuple({"train_size": size, "noise": noise} for size in (60000, 20) for noise in (1.0, 0.0)),
        {"rule": "vae"},
    ),
    Contrast(
        "beta",
        "β",
        "What does the weight of the KL trade?",
        tuple({"knobs": {"beta": beta}} for beta in (0.1, 1.0, 10.0)),
        {"rule": "vae"},
    ),
    Contrast(
        "sigma",
        "σ₀",
        "How large should noise of one size be?",
        tuple({"knobs": {"sigma0": size}} for size in (0.1, 1.0)),
        {"rule": "mean_only"},
    ),
)


def contrast(name: str) -> Contrast:
    """A preset by its name.

    Raises:
        RecipeError: there is none; the sentence names those that there are.
    """
    for preset in CONTRASTS:
        if preset.name == name:
            return preset
    raise unknown("contrast", name, (preset.name for preset in CONTRASTS))


def vary(base: Mapping[str, Any], setting: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    """The recipe fields of a run, once for each value of one field, or of one knob ("knob.beta")."""
    if setting.startswith(KNOB):
        name = setting.removeprefix(KNOB)
        return [{**base, "knobs": {**base.get("knobs", {}), name: value}} for value in values]
    alone: dict[str, Any] = {"knobs": {}} if setting == "rule" else {}  # another rule has knobs of its own
    return [{**base, **alone, setting: value} for value in values]


def differences(recipes: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What differs between runs: field, or "knob." and name, -> the value of each run.

    A knob counts where at least two of the rules have it; for a rule without it the value is None.

    Args:
        recipes: whole fields of `Recipe`, knobs filled in, as `Recipe.model_dump` gives them.
    """
    found = {name: [recipe[name] for recipe in recipes] for name in Recipe.model_fields if name != "knobs"}
    for name in dict.fromkeys(name for recipe in recipes for name in recipe["knobs"]):
        found[KNOB + name] = [recipe["knobs"].get(name) for recipe in recipes]
    order = {name: place for place, name in enumerate(("rule", *(n for n in found if n.startswith(KNOB))))}
    names = sorted(found, key=lambda name: order.get(name, len(order)))
    return {name: found[name] for name in names if len({repr(v) for v in found[name] if v is not None}) > 1}


def titles(recipes: Sequence[Mapping[str, Any]], rules: Sequence[RuleEntry]) -> list[str]:
    """What tells each run from the others, in words: "VAE · β = 4".

    Args:
        recipes: as for `differences`.
        rules: `vae_core.run.catalogue.catalogue()`.
    """
    entries, defaults = by_name(rules), default_knobs(rules)
    usual = [{KNOB + name: value for name, value in defaults[recipe["rule"]].items()} for recipe in recipes]
    differing = {
        name: values
        for name, values in differences(recipes).items()
        # Rules differ in the defaults of equal knobs; that a run has its rule's goes without saying.
        if not all(own.get(name) == value for own, value in zip(usual, values, strict=True))
    }
    found = []
    for place, recipe in enumerate(recipes):
        rule = entries[recipe["rule"]]
        words = [in_words(name, values[place], rule) for name, values in differing.items()]
        title = " · ".join(filter(None, words)) or rule["title"]
        found.append(title[0].upper() + title[1:] if title[0].isascii() else title)  # β stays β
    return found


def in_words(name: str, value: Any, rule: RuleEntry) -> str:
    """A setting of a run for a title; "" where there is nothing to say of it."""
    if name.startswith(KNOB):
        knob = next((knob for knob in rule["knobs"] if KNOB + knob["name"] == name), None)
        if knob is None:
            return ""
        if isinstance(value, bool):
            return f"{knob['title']} {'on' if value else 'off'}"
        if isinstance(value, str):
            return next((c["title"] for c in knob["choices"] if c["value"] == value), value)
        return f"{knob['symbol']} = {value:g}"
    words: dict[str, Callable[[], str]] = {
        "rule": lambda: rule["title"],
        "noise": lambda: {0: "noise off", 1: "noise on"}.get(value, f"noise {value:g}"),
        # Of the largest size a smaller data set has all that it has.
        "train_size": lambda: "all images" if value == LARGEST else f"{value:,} image{'s' if value > 1 else ''}",
        "batch_size": lambda: f"batch {value:,}",
        "hidden": lambda: "-".join(map(str, value)),
        "learning_rate": lambda: f"rate {value:g}",
        "deviation": lambda: f"d = {value:g}",
        "encoders": lambda: f"{value} encoder{'s' if value > 1 else ''}",
        "wider": lambda: "one wider encoder" if value else "",
        "seed": lambda: f"seed {value}",
    }
    return words.get(name, lambda: str(value))()


def plans_of(query: Mapping[str, Sequence[str]]) -> list[Plan]:
    """The runs of an address: a contrast by its name, with fields that hold for all, or the link of each run.

    Raises:
        RecipeError: an unknown name, or something that cannot be read.
    """
    if RUN in query:
        for name in query:
            if is_ours(name):  # what is not ours is left alone, see `from_query`
                raise unknown("setting in the link", name, [RUN])
        return [from_query(parse_qs(link, keep_blank_values=True))[:2] for link in query[RUN]]
    fields, events, _ = from_query({name: values for name, values in query.items() if name != CONTRAST})
    if events:
        raise RecipeError("A contrast has no events. Give each run as run=rule%3Dvae%26event%3D… instead.")
    return [(recipe, ()) for recipe in contrast(query[CONTRAST][-1]).recipes(**fields)]


def question_of(query: Mapping[str, Sequence[str]]) -> str:
    """What the contrast of an address asks, or ""."""
    return contrast(query[CONTRAST][-1]).question if CONTRAST in query else ""
