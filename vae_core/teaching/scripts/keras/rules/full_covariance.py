# ruff: noqa: E402, F401, F811, F821
"""Full covariance: z = μ(x) + s L(x) ε, charged β KL(N(μ, L Lᵀ) ‖ N(0, I)) (Kingma & Welling 2019, sec. 2.5.1)."""

HEADS = {"mean": 2, "log_variance": 2, "correlation": 1}  # what the encoder gives: name -> width
BETA, S = "$beta", "$s"  # β weighs the KL, s scales the noise


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def call(self, heads, draws):
        mean, scale = heads["mean"], ops.exp(0.5 * heads["log_variance"])
        rho = 0.999 * ops.tanh(heads["correlation"][:, 0])
        rest = ops.sqrt(1 - rho**2)  # L = ((σ₁, 0), (ρ σ₂, √(1 − ρ²) σ₂))
        eps = NOISE * draws
        # >>> the latent rule: z
        z = mean + S * scale * ops.stack([eps[:, 0], rho * eps[:, 0] + rest * eps[:, 1]], 1)
        # >>> the latent rule: what is charged
        kl = 0.5 * ops.sum(mean**2 + scale**2 - 1 - 2 * ops.log(scale), 1) - ops.log(rest)
        self.add_loss(BETA * ops.mean(kl))
        return z
