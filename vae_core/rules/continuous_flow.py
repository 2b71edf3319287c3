"""A flow in continuous time: the codes stream to the Gaussian and back along a learned velocity."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

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

WIDTH = 64


class ContinuousFlow(Rule):
    title = "Continuous flow"
    question = "Can the codes stream to the Gaussian and back?"
    formula = r"z = \mu(x), \quad \tfrac{d z_t}{d t} = v(z_t, t)"
    charged = r"\left\| v(z_t, t) - (z_1 - z_0) \right\|^2, \quad z_t = (1 - t)\,z_0 + t\,z_1"
    why = "The velocity should carry each draw of N(0, I) straight to a code; the mean of all is the flow."
    source = "Lipman et al. 2023, eq. 23; Chen et al. 2018, eq. 8 and app. A"
    undefined = "The prior is the flow's, so the KL to N(0, I) is not what is charged; the density follows the flow."

    class Knobs(Rule.Knobs):
        mode: Literal["frozen", "together"] = knob(
            "frozen",
            symbol="v",
            title="trained",
            choices={
                "frozen": "on the autoencoder's codes, as they are",
                "together": "with the autoencoder, whose codes are drawn to N(0, I)",
            },
        )
        beta: float = beta_knob(title="weight", when={"mode": ("together",)})
        steps: int = knob(16, symbol="N", title="steps of the solver (RK4)", low=2, high=64)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.standardise = Standardiser()
        with seeded(setting.generator("continuous_flow")):
            self.velocity = nn.Sequential(
                nn.Linear(LATENT + 1, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(),
                nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, LATENT),
            )  # fmt: skip

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"]
        z1, _ = self.standardise(mean)
        z0, aim = batch.draws, z1.detach()
        # Batches are shuffled, so evenly spaced times are as good as random ones, with less variance.
        t = ((torch.arange(len(z0), device=z0.device) + 0.5) / len(z0)).unsqueeze(1)
        place = (1 - t) * z0 + t * aim
        v = self.v(place, t)
        penalty = {"flow_matching": (v - (aim - z0)).square().sum(1)}
        if knobs.mode == "together":
            # Raised by the encoder, the match would be perfect once all codes are one point. What is
            # lowered instead is KL(codes ‖ N(0, I)) along the way: its gradient is the velocity less
            # the one that would bring forth N(0, I) itself.
            pull = knobs.beta * (v.detach() - self.v_of_normal(place, t))
            penalty["normal"] = (pull * (z1 - aim)).sum(1)  # zero; only its gradient counts
        return Latent(z=mean, mean=mean, penalty=penalty)

    def v_of_normal(self, z: Tensor, t: Tensor) -> Tensor:
        """(B, 2) the velocity, in closed form, whose flow ends in codes that are N(0, I)."""
        mean, variance = -self.standardise.mean / self.standardise.deviation, self.standardise.deviation**-2
        slope = (t * variance - (1 - t)) / ((1 - t) ** 2 + t**2 * variance)
        return mean + slope * (z - t * mean)

    def v(self, z: Tensor, t: Tensor) -> Tensor:
        """(B, 2) velocity at places z (B, 2) and times t, (B, 1) or ()."""
        return self.velocity(torch.cat([z, t.expand(len(z), 1)], 1))

    def stream(self, z: Tensor, steps: int, backward: bool = False) -> Tensor:
        """(steps + 1, B, 2) the way from the Gaussian (t = 0) to standardised codes (t = 1), or back."""
        h = (-1.0 if backward else 1.0) / steps
        way = [z]
        for k in range(steps):
            t = torch.as_tensor((1.0 if backward else 0.0) + k * h, device=z.device)
            way.append(rk4(self.v, way[-1], t, h))
        return torch.stack(way)

    def divergence(self, z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """v (B, 2) and its exact divergence (B,): in two dimensions two derivatives suffice."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            v = self.v(z, t)
            parts = [torch.autograd.grad(v[:, i].sum(), z, retain_graph=i == 0)[0][:, i] for i in range(LATENT)]
        return v.detach(), parts[0] + parts[1]

    def log_density(self, z: Tensor, knobs: Knobs) -> Tensor:
        """(B,) log p(z) of codes (B, 2) in nats, by the instantaneous change of variables
        (Chen et al. 2018, eq. 8); exact up to the solver's step."""
        u, ladj = self.standardise(z.detach())
        state = torch.cat([u, torch.zeros_like(u[:, :1])], 1)

        def slope(state: Tensor, t: Tensor) -> Tensor:
            v, divergence = self.divergence(state[:, :LATENT], t)
            return torch.cat([v, divergence.unsqueeze(1)], 1)

        h = -1.0 / knobs.steps
        for k in range(knobs.steps):
            state = rk4(slope, state, torch.as_tensor(1.0 + k * h, device=z.device), h)
        return gaussian_log_density(state[:, :LATENT]) + state[:, LATENT] + ladj

    def from_prior(self, draws: Tensor, knobs: Knobs) -> Tensor:
        return self.standardise.inverse(self.stream(draws, knobs.steps)[-1])


def rk4(slope: Callable[[Tensor, Tensor], Tensor], z: Tensor, t: Tensor, h: float) -> Tensor:
    """One step of the classical Runge–Kutta method."""
    k1 = slope(z, t)
    k2 = slope(z + h / 2 * k1, t + h / 2)
    k3 = slope(z + h / 2 * k2, t + h / 2)
    k4 = slope(z + h * k3, t + h)
    return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
