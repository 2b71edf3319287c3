# ruff: noqa: E402, F401, F811, F821
#: if mode == "frozen"
"""Continuous flow: z = μ(x), dz/dt = v(z, t), charged ‖v(zₜ, t) − (z₁ − z₀)‖² (Lipman et al. 2023, eq. 23)."""

#: else
"""Continuous flow: z = μ(x), charged ‖v(zₜ, t) − (z₁ − z₀)‖² and, by its gradient, β KL(codes ‖ N(0, I))."""
#: end

HEADS = {"mean": 2}  # what the encoder gives: name -> width
#: if mode == "frozen"
STEPS = "$steps"  # of the solver
#: else
STEPS, BETA = "$steps", "$beta"  # of the solver; weight
#: end


class LatentRule(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.deviation = torch.zeros(2), torch.ones(2)  # of the codes; they follow the training
        torch.manual_seed(stream("continuous_flow").initial_seed())
        hidden = [part for i in (3, 64, 64) for part in (nn.Linear(i, 64), nn.SiLU())]
        self.velocity = nn.Sequential(*hidden, nn.Linear(64, 2))

    def forward(self, heads, eps, images, rows, draws):
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        if self.training:
            self.mean = self.mean.lerp(z.detach().mean(0), 0.1)
            self.deviation = self.deviation.lerp(z.detach().std(0).clamp(min=1e-4), 0.1)
        z1 = (z - self.mean) / self.deviation
        aim, t = z1.detach(), ((torch.arange(len(z)) + 0.5) / len(z)).unsqueeze(1)  # times evenly spaced
        place = (1 - t) * draws + t * aim
        v = self.velocity(torch.cat([place, t], 1))
        #: if mode == "frozen"
        return z, (v - (aim - draws)).square().sum(1)
        #: else
        m, s = -self.mean / self.deviation, 1 / self.deviation  # of N(0, I), standardised as the codes are
        v_normal = m + (t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2) * (place - t * m)
        # The last term is 0; its gradient, v less the velocity that ends in N(0, I), lowers KL(codes ‖ N(0, I)).
        return z, (v - (aim - draws)).square().sum(1) + BETA * ((v.detach() - v_normal) * (z1 - aim)).sum(1)
        #: end

    def from_prior(self, z):  # codes (B, 2) for draws of N(0, I): Runge–Kutta 4 from t = 0 to 1
        for t in torch.arange(STEPS) / STEPS:
            k = [0 * z]
            for h in (0, 0.5 / STEPS, 0.5 / STEPS, 1 / STEPS):
                k.append(self.velocity(torch.cat([z + h * k[-1], (t + h).expand(len(z), 1)], 1)))
            z = z + (k[1] + 2 * k[2] + 2 * k[3] + k[4]) / (6 * STEPS)
        return self.mean + self.deviation * z
