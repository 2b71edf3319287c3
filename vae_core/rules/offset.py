"""Noise that is not random: one vector f(x) for each image, added to its code."""

from typing import Literal

import torch
from torch import Tensor

from vae_core.data import tables
from vae_core.rule import LATENT, Batch, Latent, Rule, Setting, beta_knob, knob
from vae_core.rule.image_properties import PROPERTIES, measure, standardised
from vae_core.rule.neighbours import Neighbours
from vae_core.rule.normalisation import Normalisation


class Offset(Rule):
    title = "Deterministic offset"
    question = "What if the noise is deterministic, one vector per image?"
    formula = r"z = \mu(x) + a\,f(x)"
    charged = r"\beta \cdot ½\,\|z\|^2"
    why = "Nothing at β = 0; else codes that lie far out cost, as under a prior."
    source = "The question itself; the penalty: Ghosh et al. 2020, eq. 11"
    undefined = "The same x always gives the same z, so there is no posterior, no KL and no ELBO."

    class Knobs(Rule.Knobs):
        f: Literal["table", "second_encoder", "random_network", "own_table", "property"] = knob(
            "table",
            symbol="f",
            title="where f comes from",
            choices={
                "table": "table, one seeded vector per training image",
                "second_encoder": "second encoder, trained along",
                "random_network": "random network, frozen",
                "own_table": "own table, one row per training image",
                "property": "visible property, (p(x), 0)",
            },
        )
        a: float = knob(1.0, symbol="a", title="offset scale", low=0, high=3)
        beta: float = beta_knob(0.0, "weight of ½‖z‖²")
        normalise: bool = knob(False, symbol="norm", title="normalise μ first", help="z = (μ(x) − m) / d + a f(x)")
        unseen: Literal["zero", "drawn", "nearest"] = knob(
            "zero",
            symbol="f(new x)",
            title="unseen image gets",
            when={"f": ("table", "own_table")},
            choices={
                "zero": "zero",
                "drawn": "a vector drawn from the table",
                "nearest": "the vector of the nearest training image",
            },
        )
        property: Literal["ink", "slant", "height", "width"] = knob(
            "ink",
            symbol="p",
            title="visible property",
            help="standardised over training images",
            when={"f": ("property",)},
        )
        table: str = knob(
            "",
            symbol="table",
            title="own table: its name",
            help="given when a file is added: Offset lab",
            when={"f": ("own_table",)},
        )

    table: Tensor
    own_table: Tensor
    random_shift: Tensor
    random_scale: Tensor
    property_shift: Tensor
    property_scale: Tensor

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.normalisation = Normalisation()
        self.second_encoder = setting.encoder("offset/second_encoder")
        self.random_network = setting.encoder("offset/random_network").requires_grad_(False)
        with torch.no_grad():  # standardised, so that a = 1 is as large as noise of N(0, I)
            raw = self.random_network(setting.images)["mean"]
            visible = torch.stack([measure(setting.images, name) for name in PROPERTIES], 1)
        for name, values in (("random", raw), ("property", visible)):
            shift, scale = standardised(values)
            self.register_buffer(f"{name}_shift", shift)
            self.register_buffer(f"{name}_scale", scale)
        table = torch.randn(setting.train_size, LATENT, generator=setting.generator("offset/table"))
        self.register_buffer("table", table)
        # The user's own stays in its file, and is no part of the run's state.
        self.register_buffer("own_table", torch.zeros_like(table), persistent=False)
        images = setting.images[: setting.train_size] if setting.all_images is None else setting.all_images
        self.neighbours = Neighbours(images)

    def prepare(self, knobs: Knobs) -> None:
        if knobs.f == "own_table":
            table = torch.from_numpy(tables.load(knobs.table, len(self.table)))
            self.own_table = table.to(self.table.device)

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        code = self.normalisation(heads["mean"]) if knobs.normalise else heads["mean"]
        mean = code + knobs.a * getattr(self, f"f_from_{knobs.f}")(batch, knobs)
        penalty = {"half_square": knobs.beta * 0.5 * mean.square().sum(1)} if knobs.beta else {}
        return Latent(z=mean, mean=mean, penalty=penalty)

    def f_from_second_encoder(self, batch: Batch, knobs: Knobs) -> Tensor:
        return self.second_encoder(batch.images)["mean"]

    def f_from_random_network(self, batch: Batch, knobs: Knobs) -> Tensor:
        return (self.random_network(batch.images)["mean"] - self.random_shift) / self.random_scale

    def f_from_property(self, batch: Batch, knobs: Knobs) -> Tensor:
        """(p, 0): what is seen moves the code sideways, and nothing moves it up or down."""
        which = PROPERTIES.index(knobs.property)
        p = (measure(batch.images, knobs.property) - self.property_shift[which]) / self.property_scale[which]
        return torch.stack([p, torch.zeros_like(p)], 1)

    def f_from_table(self, batch: Batch, knobs: Knobs) -> Tensor:
        return self.look_up(self.table, batch, knobs.unseen)

    def f_from_own_table(self, batch: Batch, knobs: Knobs) -> Tensor:
        return self.look_up(self.own_table, batch, knobs.unseen)

    def look_up(self, table: Tensor, batch: Batch, unseen: str) -> Tensor:
        """Each image's own row; what an image without one gets is a choice."""
        known = batch.rows >= 0
        rows = batch.rows.clamp(min=0)
        if unseen == "zero" or known.all():
            return torch.where(known.unsqueeze(1), table[rows], 0.0)
        if unseen == "nearest":
            other = rows.clone()
            other[~known] = self.neighbours.rows(batch.images[~known])
        else:
            # Drawn by the image's own brightness, so that the same x always gets the same vector.
            ink = (batch.images.double().sum(1) * 255).round().long()
            other = (ink * 7919) % len(table)
        return table[torch.where(known, rows, other)]
