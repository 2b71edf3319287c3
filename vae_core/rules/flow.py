"""A normalizing flow: insist on normality by an invertible map of the codes, exactly."""

from typing import Literal

from torch import Tensor, nn
from zuko.flows.coupling import GeneralCouplingTransform
from zuko.transforms import MonotonicRQSTransform

from vae_core.rule import LATENT, Knobs, Latent, Rule, Standardiser, gaussian_log_density, knob, seeded

BINS, WIDTH, MOST_LAYERS = 8, 32, 6


class Flow(Rule):
    title = "Spline flow"
    question = "And what do normalizing flows do with the idea of normal codes?"
    formula = r"z = \mu(x), \quad f(z) \sim \mathcal{N}(0, I)"
    charged = r"-\log \mathcal{N}\left(f(z); 0, I\right) - \log \left|\det \tfrac{\partial f}{\partial z}\right|"
    source = "Rezende & Mohamed 2015, eq. 7; Durkan et al. 2019, sec. 3; as a prior: Chen et al. 2017"
    noise_off = "ε is not added. Only a flow as the VAE's prior has noise; with fixed codes there is none to miss."
    undefined = "The prior is the flow's, so the KL to N(0, I) is not what is charged; the flow's density is exact."
    heads = {"mean": LATENT, "log_variance": LATENT}

    class Knobs(Knobs):
        mode: Literal["frozen", "together", "prior"] = knob(
            "frozen",
            symbol="f",
            title="trained",
            choices={
                "frozen": "on the autoencoder's codes, as they are",
                "together": "together with the autoencoder",
                "prior": "as the prior of a VAE",
            },
        )
        layers: int = knob(4, symbol="k", title="layers", low=1, high=MOST_LAYERS)
        beta: float = knob(1.0, symbol="β", title="weight, but for frozen codes", low=0, high=20, log=True)

    def __init__(self, setting):
        super().__init__(setting)
        self.standardise = Standardiser()
        with seeded(setting.generator("flow")):
            self.transforms = nn.ModuleList(
                GeneralCouplingTransform(
                    LATENT,
                    mask=[layer % 2 == 0, layer % 2 == 1],  # the two coordinates take turns
                    univariate=MonotonicRQSTransform,
                    shapes=[(BINS,), (BINS,), (BINS - 1,)],
                    hidden_features=(WIDTH, WIDTH),
                )
                for layer in range(MOST_LAYERS)
            )

    def forward(self, heads, eps, knobs, batch):
        mean = heads["mean"]
        if knobs.mode == "prior":
            log_scale = 0.5 * heads["log_variance"]
            z, drawn = (mean + log_scale.exp() * noise for noise in (eps, batch.draws))
            # Charged at a draw that the noise switch does not touch: one sample of KL(q ‖ flow).
            log_q = gaussian_log_density(batch.draws) - log_scale.sum(1)
            charge = knobs.beta * (log_q - self.log_density(drawn, knobs))
        else:
            z, drawn = mean, mean.detach() if knobs.mode == "frozen" else mean
            charge = -self.log_density(drawn, knobs) * (1.0 if knobs.mode == "frozen" else knobs.beta)
        return Latent(z=z, mean=mean, penalty={"flow": charge})

    def log_density(self, z: Tensor, knobs: Knobs) -> Tensor:
        """(B,) log p(z) of codes (B, 2) in nats: change of variables, exactly."""
        u, total = self.to_normal(z, knobs)
        return gaussian_log_density(u) + total

    def to_normal(self, z: Tensor, knobs: Knobs) -> tuple[Tensor, Tensor]:
        """f(z) (B, 2) and log |det ∂f/∂z| (B,)."""
        u, total = self.standardise(z)
        for transform in self.transforms[: knobs.layers]:
            u, ladj = transform().call_and_ladj(u)
            total = total + ladj
        return u, total

    def from_prior(self, draws, knobs):
        for transform in reversed(self.transforms[: knobs.layers]):
            draws = transform().inv(draws)
        return self.standardise.inverse(draws)
