"""A run's recipe, rule and knobs as a script that stands alone: PyTorch or Keras 3, in 130 to 180 lines.

``torch/`` and ``keras/`` hold the scripts as they are written: ``script.py`` is what all rules share, and each file
of ``rules/`` is one rule. They are Python, but for two things: lines between ``#: if ...`` and ``#: end`` are
kept for some recipes and knobs alone, and the string ``"$beta"`` stands for the value of ``beta``. A rule without a
file of its own comes into the PyTorch script as it is written, if it needs little of ours.

Nothing here imports torch: the server writes the scripts.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_core.run.recipe import Recipe
from vae_core.run.widths import wider
from vae_core.teaching.scripts.notation import symbols
from vae_core.teaching.scripts.own_rule import read_rule
from vae_core.teaching.scripts.template import Code, ScriptError, filled, kept, taken_apart

__all__ = ["FRAMEWORKS", "ScriptError", "script", "script_name", "symbols"]

FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}
HERE = Path(__file__).parent
ACTIVATIONS = {
    "torch": {"silu": "nn.SiLU()", "relu": "nn.ReLU()", "tanh": "nn.Tanh()", "gelu": 'nn.GELU("tanh")'},
    "keras": {"silu": "ops.silu", "relu": "ops.relu", "tanh": "ops.tanh", "gelu": "gelu"},
}


def script(
    recipe: Recipe | Mapping[str, Any],
    framework: str,
    rule: str | None = None,
    knobs: Mapping[str, Any] | None = None,
    noise: float | None = None,
) -> str:
    """A stand-alone script that trains a run from its first step under one rule.

    It is run as ``python script.py [FOLDER] [--steps N]``, looks for its data where the app does, and says so where
    scikit-learn's digits stand in for it. It ends with "step 351: -ELBO 156.30 nats" (or "loss"), of up to 1,000 test
    images, after "test reconstruction", "test charged" and, where one is charged, "test KL".

    Args:
        recipe: of the run; fields that a mapping leaves out have their defaults, but for the knobs.
        framework: "torch" or "keras".
        rule, knobs, noise: as they are now, where they are no longer the recipe's; the knobs whole.

    Raises:
        ScriptError: no such framework, or no script for the rule yet.
    """
    if framework not in FRAMEWORKS:
        raise ScriptError(f"There is no script for {framework!r}. Choose one of: {', '.join(FRAMEWORKS)}.")
    fields = {**Recipe.model_construct().model_dump(), **dict(recipe)}
    fields["rule"] = fields["rule"] if rule is None else rule
    fields["noise"] = fields["noise"] if noise is None else noise
    knobs = fields.pop("knobs") if knobs is None else knobs
    values = {**knobs, **fields}
    folder = HERE / framework
    path = folder / "rules" / f"{values['rule']}.py"
    if not str(values["rule"]).isidentifier() or not path.exists():
        values |= read_rule(values["rule"], knobs)
        if framework != "torch":
            raise ScriptError(
                f"No {FRAMEWORKS[framework]} script yet for the rule {values['rule']!r}: take PyTorch, "
                f"or add vae_core/teaching/scripts/{framework}/rules/{path.name}."
            )
        path = folder / "own_rule.py"
    try:
        refuse(values)
        values |= derived(values, framework)
        title, imports, body = taken_apart("\n".join(kept(path.read_text(encoding="utf-8").splitlines(), values)))
        shared = list(kept((folder / "script.py").read_text(encoding="utf-8").splitlines(), values))
    except (KeyError, NameError) as missing:
        name = missing.name if isinstance(missing, NameError) else missing.args[0]
        raise ScriptError(f"The knob {name!r} is missing: give the knobs of the run, whole.") from None
    imports = sorted(line for line in {*imports, *values.get("own_imports", [])} if line not in shared)
    standard = [line for line in imports if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    values["title"] = filled(title, values)
    parts = {
        "import argparse": [*standard, "import argparse"],
        "import torch": ["import torch", *(line for line in imports if line not in standard)],
        "#: rule": body,
    }
    text = filled("\n".join(line for place in shared for line in parts.get(place, [place])), values)
    # One blank line is enough between functions, and none is left within them.
    text = re.sub(r"\n\n+(?! *(def|class) )(?= )", "\n", re.sub(r"\n{3,}", "\n\n", text)).strip() + "\n"
    text = re.sub(r"(^(import|from) .*\n)+", in_order, text, flags=re.M)
    return text.replace("#: own rule\n", "\n".join([*values.get("own_body", []), "", ""]))


def script_name(rule: str, framework: str) -> str:
    """What a script's file is called: never as a package that it imports, or it would import itself."""
    return f"{rule}_{framework}.py"


def in_order(block: re.Match) -> str:
    """Lines of import, sorted as usual."""
    return "".join(sorted(block[0].splitlines(keepends=True), key=lambda line: (line.startswith("from"), line)))


def refuse(values: Mapping[str, Any]) -> None:
    """Say what no script can do alone.

    Raises:
        ScriptError: with what to change.
    """
    moments = values["rule"] in ("normalised_noise", "moment_matching", "flow", "continuous_flow")
    if values["rule"] == "offset":
        moments = values["normalise"] or values["f"] in ("random_network", "property")
    if moments and min(values["batch_size"], values["train_size"]) < 2:
        raise ScriptError("One code alone has no moments: take two or more training images, and as large a batch.")


def derived(values: Mapping[str, Any], framework: str) -> dict[str, Any]:
    """What the scripts need beside recipe and knobs."""
    rule = values["rule"]
    bound = rule == "noise_only" or (rule in ("vae", "mean_only", "full_covariance") and values["beta"] == 1)
    posterior = rule in ("vae", "mean_only", "full_covariance") and values["beta"]
    table = rule == "offset" and values["f"] in ("table", "own_table")
    packages = ["torch", "numpy", *["zuko"] * (rule == "flow")]
    return {
        "hidden": tuple(values["hidden"]),
        "encoder_hidden": wider(values["hidden"]) if values["wider"] else Code("HIDDEN"),
        "activation": Code(ACTIVATIONS[framework][values["activation"]]),
        "by_row": table,
        "members": values["encoders"] > 1 or (rule == "offset" and values["f"] in ("second_encoder", "random_network")),
        # The ELBO needs z drawn from the posterior that the KL is charged for.
        "loss": "-ELBO" if bound and values["noise"] == values.get("s", 1) == 1 else "loss",
        # A Keras layer says what it charges; the KL follows from that, unless β is 0.
        "kl": Code("(loss - nats) / BETA") if posterior else 0.0 if rule == "noise_only" else None,
        "packages": ", ".join(packages),
        "pattern": "*fashion*" if values["dataset"] == "fashion_mnist" else "mnist*",
        "data": "Fashion-MNIST" if values["dataset"] == "fashion_mnist" else "MNIST",
    }
