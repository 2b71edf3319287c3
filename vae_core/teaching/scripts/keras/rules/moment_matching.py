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
    mean, n = ops.mean(codes, 1, keepdims=True), codes.shape[1]
    s = ops.matmul(ops.transpose(codes - mean, (0, 2, 1)), codes - mean) / n
    determinant = s[:, 0, 0] * s[:, 1, 1] - s[:, 0, 1] ** 2
    spread = s[:, 0, 0] + s[:, 1, 1] - 2 - ops.log(ops.maximum(determinant, 1e-8))
    return 0.5 * (spread + ops.sum(mean**2, (1, 2)))


#: elif which == "mmd"
def distance(codes, draws):
    """(G,) unbiased squared MMD of groups (G, n, 2), with the kernel 4 / (4 + ‖a − b‖²) (Gretton et al. 2012)."""

    def kernel(a, b):
        return 4 / (4 + ops.sum((a[:, :, None] - b[:, None]) ** 2, 3))  # (G, n, n)

    n = codes.shape[1]
    within = ops.sum(kernel(codes, codes) + kernel(draws, draws), (1, 2)) - 2 * n
    return within / (n * (n - 1)) - 2 * ops.mean(kernel(codes, draws), (1, 2))


#: else
def distance(codes, draws):
    """(G,) mean squared Wasserstein distance between groups (G, n, 2) seen along 16 directions and N(0, 1)."""
    angles, n = (ops.arange(16, dtype="float32") + 0.5) * np.pi / 16, codes.shape[1]
    shadows = ops.sort(ops.matmul(codes, ops.stack([ops.cos(angles), ops.sin(angles)])), 1)
    quantiles = ops.convert_to_tensor([NormalDist().inv_cdf((k + 0.5) / n) for k in range(n)], "float32")
    return ops.mean((shadows - quantiles[:, None]) ** 2, (1, 2))


#: end
@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def compute_output_spec(self, heads, draws):  # groups can be made once the batch has a size
        return keras.KerasTensor(heads["mean"].shape)

    def call(self, heads, draws):
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        n = min(N, z.shape[0])
        groups, like = (ops.reshape(part[: part.shape[0] // n * n], (-1, n, 2)) for part in (z, draws))
        self.add_loss(LAM * ops.mean(distance(groups, like)))
        return z
