# ruff: noqa: E402, F401, F811, F821
#: if which == "kl"
"""Moment matching: z = μ(x), charged λ KL(N(m, S) ‖ N(0, I)) of the moments m, S of the batch's codes."""

#: elif which == "mmd"
"""Moment matching: z = μ(x), charged λ MMD²(codes of the batch, draws of N(0, I)) (Tolstikhin et al. 2018, alg. 2)."""
#: else
"""Moment matching: z = μ(x), charged λ × sliced Wasserstein distance² of codes and N(0, I) (Kolouri et al. 2019)."""
#: end

#: if which == "sliced_wasserstein"
from statistics import NormalDist

#: end
HEADS = {"mean": 2}  # what the encoder gives: name -> width
LAM, N = "$lam", "$n"  # λ weighs the charge; n codes are compared at a time


#: if which == "kl"
def distance(codes, draws):
    """(G,) KL(N(m, S) ‖ N(0, I)) with the mean m and covariance S of each group (G, n, 2)."""
    mean = codes.mean(1, keepdim=True)
    s = (codes - mean).transpose(1, 2) @ (codes - mean) / codes.shape[1]
    determinant = s[:, 0, 0] * s[:, 1, 1] - s[:, 0, 1] ** 2
    return 0.5 * (s[:, 0, 0] + s[:, 1, 1] + mean.square().sum((1, 2)) - 2 - determinant.clamp(min=1e-8).log())


#: elif which == "mmd"
def distance(codes, draws):
    """(G,) unbiased squared MMD of groups (G, n, 2), with the kernel 4 / (4 + ‖a − b‖²) (Gretton et al. 2012)."""

    def kernel(a, b):
        return 4 / (4 + (a.unsqueeze(2) - b.unsqueeze(1)).square().sum(3))  # (G, n, n)

    n = codes.shape[1]
    within = (kernel(codes, codes).sum((1, 2)) + kernel(draws, draws).sum((1, 2)) - 2 * n) / (n * (n - 1))
    return within - 2 * kernel(codes, draws).mean((1, 2))


#: else
def distance(codes, draws):
    """(G,) mean squared Wasserstein distance between groups (G, n, 2) seen along 16 directions and N(0, 1)."""
    angles = (torch.arange(16) + 0.5) * torch.pi / 16
    shadows = (codes @ torch.stack([angles.cos(), angles.sin()])).sort(1).values
    n = codes.shape[1]
    quantiles = torch.tensor([NormalDist().inv_cdf((k + 0.5) / n) for k in range(n)])
    return (shadows - quantiles.unsqueeze(1)).square().mean((1, 2))


#: end
class LatentRule(nn.Module):
    def forward(self, heads, eps, images, rows, draws):
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        n = min(N, len(z))
        groups, like = (part[: len(part) // n * n].view(-1, n, 2) for part in (z, draws))
        return z, (LAM * distance(groups, like).mean()).expand(len(z))
