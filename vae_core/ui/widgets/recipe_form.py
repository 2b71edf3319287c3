"""The form for a new run: what must be chosen before training starts."""

from typing import Any

import streamlit as st

from vae_core.data import DATASETS
from vae_core.run.recipe import Recipe
from vae_core.ui.widgets.rules import titles

MORE = "pixels", "likelihood", "deviation", "encoders", "wider"


def recipe_form(now: Recipe, points: int) -> tuple[dict[str, Any], int] | None:
    """The widgets, filled with the present recipe; once submitted, fields of a new one and the points on the plane."""
    rules = titles()
    sizes = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000]
    batches = [16, 32, 64, 128, 192, 256, 512, 1024, 2048]
    with st.form("recipe", border=False):
        st.subheader("New run")
        values = {
            "dataset": st.selectbox("Data set", DATASETS, DATASETS.index(now.dataset)),
            "rule": st.selectbox("First rule", list(rules), list(rules).index(now.rule), format_func=rules.__getitem__),
            "train_size": st.select_slider("Training images", with_value(sizes, now.train_size), now.train_size),
            "batch_size": st.select_slider("Batch size", with_value(batches, now.batch_size), now.batch_size),
            "hidden": st.text_input(
                "Encoder widths",
                "-".join(map(str, now.hidden)),
                help="Hidden layers, for example 400 or 256-128-64; mirrored in the decoder.",
            ).split("-"),
            "activation": st.segmented_control(
                "Activation", ["silu", "relu", "tanh", "gelu"], default=now.activation, required=True
            ),
            "learning_rate": st.number_input("Learning rate", 1e-6, 10.0, now.learning_rate, format="%g", step=1e-3),
            "seed": st.number_input("Seed", 0, 2**31 - 1, now.seed),
        }
        with st.expander("Pixels, likelihood, ensemble", expanded=differs(now, *MORE)):
            values |= {
                "pixels": st.segmented_control(
                    "Pixels",
                    ["grey", "binarized"],
                    default=now.pixels,
                    required=True,
                    format_func=str.capitalize,
                    help="Binarized: each pixel is ink with the probability of its grey value, drawn once for each "
                    "image. Of grey pixels the Bernoulli cross-entropy is a pseudo-likelihood, of binary ones a true "
                    "likelihood.",
                ),
                "likelihood": st.segmented_control(
                    "Likelihood of a pixel",
                    ["bernoulli", "gaussian"],
                    default=now.likelihood,
                    required=True,
                    format_func={"bernoulli": "Bernoulli", "gaussian": "Gaussian"}.__getitem__,
                ),
                "deviation": st.number_input(
                    "Deviation d of the Gaussian likelihood", 0.01, 1.0, now.deviation, format="%g", step=0.05
                ),
                "encoders": st.slider(
                    "Encoders", 1, 8, now.encoders, help="With more than one, the mean of their outputs is taken."
                ),
                "wider": st.toggle("Wider encoder", now.wider, help="As many parameters as two of the widths above."),
            }
        points = st.select_slider("Points on the plane", with_value([500, 1000, 2000, 5000], points), points)
        if st.form_submit_button("Start", type="primary", icon=":material/play_arrow:", width="stretch"):
            return values, points
    return None


def differs(recipe: Recipe, *names: str) -> bool:
    """Whether one of these fields is not at its default."""
    return any(getattr(recipe, name) != Recipe.model_fields[name].default for name in names)


def with_value(options: list[int], value: int) -> list[int]:
    """Options of a slider that has to stand at a value."""
    return sorted({*options, value})
