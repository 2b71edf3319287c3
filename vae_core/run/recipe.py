"""What defines a run: the recipe before it starts, the events while it trains.

The rules, and torch with them, are imported when a rule's knobs are checked, not before: the
server passes recipes on that a worker has checked, and need not load torch.
"""

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vae_core.data import DATASETS
from vae_core.run.widths import parameters

LONGEST = 80  # characters of a value that a sentence quotes
MOST_WEIGHTS = 20_000_000  # of all networks of a run: with Adam's moments 240 MB


class RecipeError(ValueError):
    """A recipe, rule or knob that cannot be: one sentence that says what is wrong and what is valid."""


def quoted(value: object) -> str:
    """A value as it was given, for a sentence; of a long one the beginning."""
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def unknown(kind: str, name: object, valid: Iterable[str]) -> RecipeError:
    """The error for a name that does not exist, with the ones that do."""
    valid = list(valid)
    near = difflib.get_close_matches(str(name)[:LONGEST], valid, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return RecipeError(f"Unknown {kind} {quoted(name)}.{hint} Valid: {', '.join(valid) or 'none'}.")


def sentence(error: ValidationError, what: str, valid: Iterable[str]) -> RecipeError:
    """Pydantic's first complaint as one sentence."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return unknown(what, name, valid)
    if isinstance(inner := first.get("ctx", {}).get("error"), RecipeError):
        return inner
    problem = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    noun, of, owner = what.partition(" of ")
    return RecipeError(f"{noun.capitalize()} {name!r}{of}{owner} should be {problem}; it was {quoted(first['input'])}.")


def parse_knobs(rule: str, values: dict[str, Any] | None = None) -> BaseModel:
    """The knobs of a rule (a `vae_core.rule.Knobs`), defaults filled in.

    Raises:
        RecipeError: an unknown rule or knob, or a value out of range or not a number.
    """
    from vae_core.rules import discover

    rules = discover()
    if rule not in rules:
        raise unknown("rule", rule, rules)
    kind = rules[rule].Knobs
    try:
        return kind(**(values or {}))
    except ValidationError as error:
        raise sentence(error, f"knob of rule {rule!r}", kind.model_fields) from None


class Recipe(BaseModel):
    """Everything that defines a run before it starts; with its events it is the run, bit for bit.

    The defaults were chosen by measurement for quality per second of training on two cores.

    Raises:
        RecipeError: in one sentence, with the valid names or range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: str = Field("mnist", title="data set")
    rule: str = Field("vae", title="first rule")
    knobs: dict[str, Any] = Field({}, title="first knobs")
    noise: float = Field(1.0, ge=0, le=1, title="noise switch at the start")
    seed: int = Field(0, ge=0, le=2**31 - 1)
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (256, 128, 64), min_length=1, max_length=6, title="encoder widths, mirrored in the decoder"
    )
    activation: Literal["silu", "relu", "tanh", "gelu"] = "silu"
    batch_size: int = Field(192, ge=1, le=8192)
    train_size: int = Field(60000, ge=1, le=60000, title="training images")
    learning_rate: float = Field(8e-3, gt=0, le=10, title="learning rate")
    likelihood: Literal["bernoulli", "gaussian"] = Field("bernoulli", title="likelihood of a pixel")
    # 0.2 is near the root mean squared error that two dimensions leave on MNIST (0.19), where the likelihood
    # is highest (Rybkin et al. 2021, sec. 3).
    deviation: float = Field(0.2, ge=0.01, le=1, title="standard deviation d of the Gaussian likelihood")
    pixels: Literal["grey", "binarized"] = Field("grey", title="pixels as they are, or drawn as ink or none")
    wider: bool = Field(False, title="one wider encoder, with as many parameters as two")
    encoders: int = Field(1, ge=1, le=8, title="encoders, of whose outputs the mean is taken")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise sentence(error, "recipe field", type(self).model_fields) from None

    @field_validator("dataset")
    @classmethod
    def _dataset_exists(cls, name: str) -> str:
        if name not in DATASETS:
            raise unknown("data set", name, DATASETS)
        return name

    @model_validator(mode="after")
    def _not_too_large(self) -> "Recipe":
        weights = parameters(self.hidden) * (1 + self.encoders * (2 if self.wider else 1))
        if weights > MOST_WEIGHTS:
            raise RecipeError(
                f"Networks with these hidden widths have {weights:,} weights; {MOST_WEIGHTS:,} is the most. "
                "Use narrower layers or fewer encoders."
            )
        return self

    @model_validator(mode="after")
    def _knobs_fit_rule(self) -> "Recipe":
        filled = parse_knobs(self.rule, self.knobs).model_dump()
        object.__setattr__(self, "knobs", filled)  # canonical: every knob is written down
        return self


class Event(BaseModel):
    """A change while a run trains: from this step on, these settings hold.

    Attributes:
        step: number of training steps done before the change.
        rule, noise, knobs: the settings after the change, whole.
        label: what changed, in words: "noise off".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    step: int = Field(ge=0)
    rule: str
    noise: float = Field(ge=0, le=1)
    knobs: dict[str, Any]
    label: str = ""
