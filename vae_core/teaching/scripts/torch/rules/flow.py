# ruff: noqa: E402, F401, F811, F821
#: if mode == "prior"
"""Spline flow as the prior: z = μ(x) + σ(x) ε, charged β (log q(z|x) − log p(z)), p by a flow (Chen et al. 2017)."""

#: else
"""Spline flow: z = μ(x), charged −log N(f(z); 0, I) − log |det ∂f/∂z|, f a flow (Rezende & Mohamed 2015, eq. 7)."""
#: end

import math

from zuko.transforms import MonotonicRQSTransform

#: if mode == "prior"
HEADS = {"mean": 2, "log_variance": 2}  # what the encoder gives: name -> width
#: else
HEADS = {"mean": 2}  # what the encoder gives: name -> width
#: end
#: if mode == "frozen"
LAYERS = "$layers"  # couplings of the flow
#: else
LAYERS, BETA = "$layers", "$beta"  # couplings of the flow; weight
#: end


class LatentRule(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.deviation = torch.zeros(2), torch.ones(2)  # of the codes; they follow the training
        torch.manual_seed(stream("flow").initial_seed())
        parts = [[nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 23)] for _ in range(LAYERS)]
        self.nets = nn.ModuleList(nn.Sequential(*part) for part in parts)

    def log_density(self, z):  # (B,) exactly: each coupling moves one coordinate by a spline that the other shapes
        if self.training:
            self.mean = self.mean.lerp(z.detach().mean(0), 0.1)
            self.deviation = self.deviation.lerp(z.detach().std(0).clamp(min=1e-4), 0.1)
        (kept, moved), total = ((z - self.mean) / self.deviation).unbind(1), -self.deviation.log().sum()
        for net in self.nets:
            spline = MonotonicRQSTransform(*net(kept.unsqueeze(1)).split([8, 8, 7], 1))  # Durkan et al. 2019, eq. 4
            moved, ladj = spline.call_and_ladj(moved)
            kept, moved, total = moved, kept, total + ladj
        return total - 0.5 * (kept**2 + moved**2) - math.log(2 * math.pi)

    def forward(self, heads, eps, images, rows, draws):
        #: if mode == "prior"
        mean, log_scale = heads["mean"], 0.5 * heads["log_variance"]
        # >>> the latent rule: z
        z = mean + log_scale.exp() * eps
        # >>> the latent rule: what is charged, at a draw that the noise switch does not touch
        log_q = -(0.5 * draws**2 + log_scale).sum(1) - math.log(2 * math.pi)
        return z, BETA * (log_q - self.log_density(mean + log_scale.exp() * draws))
        #: else
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        #: if mode == "frozen"
        return z, -self.log_density(z.detach())  # the autoencoder does not notice
        #: else
        # The flow raises the density of the codes; the encoder, its gradient turned round, lowers KL(codes ‖ N(0, I)).
        turned = (1 + BETA) * z.detach() - BETA * z
        return z, -self.log_density(turned) + BETA * (0.5 * z.square().sum(1) + math.log(2 * math.pi))
        #: end
        #: end
