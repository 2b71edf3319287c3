# ruff: noqa: E402, F401, F811, F821
"""VAE: z = μ(x) + s σ(x) ε, charged β KL(N(μ, σ²) ‖ N(0, I)) (Kingma & Welling 2014, eq. 10 and app. B)."""

HEADS = {"mean": 2, "log_variance": 2}  # what the encoder gives: name -> width
BETA, S = "$beta", "$s"  # β weighs the KL, s scales the noise


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def call(self, heads, draws):
        mean, scale = heads["mean"], ops.exp(0.5 * heads["log_variance"])
        eps = NOISE * draws
        # >>> the latent rule: z
        z = mean + S * scale * eps
        # >>> the latent rule: what is charged
        kl = 0.5 * ops.sum(mean**2 + scale**2 - 1 - 2 * ops.log(scale), 1)
        self.add_loss(BETA * ops.mean(kl))
        return z
