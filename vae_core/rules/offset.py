"""Noise that is not random: one precomputed vector f(x) for each image, added to its code."""

from typing import Literal

import torch

from vae_core.rule import LATENT, Knobs, Latent, Rule, knob


class Offset(Rule):
    title = "Deterministic offset"
    question = "What if the noise is deterministic, one vector per image?"
    formula = r"z = \mu(x) + a\,f(x)"
    charged = r"\beta \cdot \tfrac{1}{2}\|z\|^2"
    source = "The question itself; the penalty: Ghosh et al. 2020, eq. 6"
    undefined = "The same x always gives the same z, so there is no posterior, no KL and no ELBO."

    class Knobs(Knobs):
        f: Literal["second_encoder", "random_network", "table"] = knob(
            "second_encoder",
            symbol="f",
            title="where f comes from",
            choices={
                "second_encoder": "second encoder, trained along",
                "random_network": "random network, frozen",
                "table": "table, one seeded vector per training image",
            },
        )
        a: float = knob(1.0, symbol="a", title="offset scale", low=0, high=3)
        beta: float = knob(0.0, symbol="β", title="weight of ½‖z‖²", low=0, high=20, log=True)
        unseen: Literal["zero", "drawn"] = knob(
            "zero",
            symbol="f(new x)",
            title="table: an unseen image gets",
            choices={"zero": "zero", "drawn": "a vector drawn from the table"},
        )

    def __init__(self, setting):
        super().__init__(setting)
        self.second_encoder = setting.encoder("offset/second_encoder")
        self.random_network = setting.encoder("offset/random_network").requires_grad_(False)
        with torch.no_grad():  # standardised, so that a = 1 is as large as noise of N(0, I)
            raw = self.random_network(setting.images)["mean"]
        self.register_buffer("random_shift", raw.mean(0))
        self.register_buffer("random_scale", raw.std(0) + 1e-12)
        table = torch.randn(setting.train_size, LATENT, generator=setting.generator("offset/table"))
        self.register_buffer("table", table)

    def forward(self, heads, eps, knobs, batch):
        mean = heads["mean"] + knobs.a * getattr(self, f"f_{knobs.f}")(batch, knobs)
        penalty = {"half_square": knobs.beta * 0.5 * mean.square().sum(1)} if knobs.beta else {}
        return Latent(z=mean, mean=mean, penalty=penalty)

    def f_second_encoder(self, batch, knobs):
        return self.second_encoder(batch.images)["mean"]

    def f_random_network(self, batch, knobs):
        return (self.random_network(batch.images)["mean"] - self.random_shift) / self.random_scale

    def f_table(self, batch, knobs):
        known = self.table[batch.rows.clamp(min=0)]
        if knobs.unseen == "drawn":
            # Drawn by the image's own brightness, so that the same x always gets the same vector.
            ink = (batch.images.double().sum(1) * 255).round().long()
            other = self.table[(ink * 7919) % len(self.table)]
        else:
            other = torch.zeros_like(known)
        return torch.where((batch.rows >= 0).unsqueeze(1), known, other)
