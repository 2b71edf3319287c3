"""A normalizing flow: insist on normality by an invertible map of the codes, exactly."""

from typing import Literal

import torch
from torch import Tensor, nn
from zuko.transforms import MonotonicRQSTransform

from vae_core.rule import (
    LATENT,
    Batch,
    Latent,
    Rule,
    Setting,
    Standardiser,
    beta_knob,
    gaussian_log_density,
    knob,
    seeded,
)

BINS, WIDTH, MOST_LAYERS = 8, 32, 6


class Flow(Rule):
    title = "Spline flow"
    question = "And what do normalizing flows do with the idea of normal codes?"
    formula = r"z = \mu(x), \quad f(z) \sim \mathcal{N}(0, I)"
    charged = r"-\log \mathcal{N}(f(z); 0, I) - \log \left|\det \tfrac{\partial f}{\partial z}\right|"
    why = "The exact log-likelihood of the codes. Together, the encoder is drawn to N(0, I) by the density it gives."
    source = "Rezende & Mohamed 2015, eq. 7; Durkan et al. 2019, sec. 3; as a prior: Chen et al. 2017"
    noise_off = "ε is not added, the penalty stays: the decoder no longer sees σ."
    noise_when = {"mode": ("prior",)}
    undefined = "The prior is the flow's, so the KL to N(0, I) is not what is charged; the flow's density is exact."
    heads = {"mean": LATENT, "log_variance": LATENT}

    class Knobs(Rule.Knobs):
        mode: Literal["frozen", "together", "prior"] = knob(
            "frozen",
            symbol="f",
            title="trained",
            choices={
                "frozen": "on the autoencoder's codes, as they are",
                "together": "with the autoencoder, whose codes are drawn to N(0, I)",
                "prior": "as the prior of a VAE",
            },
        )
        layers: int = knob(3, symbol="k", title="layers", low=1, high=MOST_LAYERS)
        beta: float = beta_knob(title="weight", when={"mode": ("together", "prior")})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.standardise = Standardiser()
        with seeded(setting.generator("flow")):
            self.splines = nn.ModuleList(
                nn.Sequential(
                    nn.Linear(1, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 3 * BINS - 1)
                )
                for layer in range(MOST_LAYERS)
            )

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"]
        if knobs.mode == "prior":
            log_scale = 0.5 * heads["log_variance"]
            z, drawn = (mean + log_scale.exp() * noise for noise in (eps, batch.draws))
            # Charged at a draw that the noise switch does not touch: one sample of KL(q ‖ flow).
            log_q = gaussian_log_density(batch.draws) - log_scale.sum(1)
            return Latent(z=z, mean=mean, penalty={"kl": knobs.beta * (log_q - self.log_density(drawn, knobs))})
        if knobs.mode == "frozen":
            return Latent(z=mean, mean=mean, penalty={"flow": -self.log_density(mean.detach(), knobs)})
        # The likelihood of codes without noise has no bound: an encoder that raised it would shrink them
        # to nothing. So the flow maximises it and the encoder, with the gradient turned round, lowers
        # KL(codes ‖ N(0, I)), in which the flow's density stands for that of the codes.
        turned = (1 + knobs.beta) * mean.detach() - knobs.beta * mean
        to_normal = -knobs.beta * gaussian_log_density(mean)
        return Latent(z=mean, mean=mean, penalty={"flow": -self.log_density(turned, knobs), "normal": to_normal})

    def log_density(self, z: Tensor, knobs: Knobs) -> Tensor:
        """(B,) log p(z) of codes (B, 2) in nats: change of variables, exactly."""
        u, total = self.to_normal(z, knobs)
        return gaussian_log_density(u) + total

    def to_normal(self, z: Tensor, knobs: Knobs) -> tuple[Tensor, Tensor]:
        """f(z) (B, 2) and log |det ∂f/∂z| (B,)."""
        u, total = self.standardise(z)
        for layer in range(knobs.layers):
            u, ladj = self.couple(layer, u)
            total = total + ladj
        return u, total

    def from_prior(self, draws: Tensor, knobs: Knobs) -> Tensor:
        for layer in reversed(range(knobs.layers)):
            draws = self.uncouple(layer, draws)
        return self.standardise.inverse(draws)

    def couple(self, layer: int, u: Tensor) -> tuple[Tensor, Tensor]:
        """One layer: one coordinate stays, the other goes through a spline that depends on it.

        Returns:
            (B, 2) the places after it, and (B,) log |det|.
        """
        kept, moved = self._by_turns(layer, u)
        moved, ladj = self.spline(layer, kept).call_and_ladj(moved)
        return torch.stack(self._by_turns(layer, (kept, moved)), 1), ladj

    def uncouple(self, layer: int, u: Tensor) -> Tensor:
        """The inverse of `couple`, in closed form."""
        kept, moved = self._by_turns(layer, u)
        return torch.stack(self._by_turns(layer, (kept, self.spline(layer, kept).inv(moved))), 1)

    def spline(self, layer: int, kept: Tensor) -> MonotonicRQSTransform:
        """The monotone spline (Durkan et al. 2019, eq. 4) that moves the other coordinate; outside
        [-5, 5] it is the identity."""
        return MonotonicRQSTransform(*self.splines[layer](kept.unsqueeze(1)).split([BINS, BINS, BINS - 1], 1))

    @staticmethod
    def _by_turns(layer: int, pair: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The two coordinates, changed over in every second layer."""
        first, second = pair.unbind(1) if isinstance(pair, Tensor) else pair
        return (second, first) if layer % 2 else (first, second)
