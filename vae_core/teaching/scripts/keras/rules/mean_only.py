# ruff: noqa: E402, F401, F811, F821
"""Mean only: z = μ(x) + σ₀ ε, charged β KL(N(μ, σ₀²) ‖ N(0, I)) = β (½‖μ‖² + const) (Ghosh et al. 2020, eq. 10)."""

HEADS = {"mean": 2}  # what the encoder gives: name -> width
BETA, SIGMA0 = "$beta", "$sigma0"  # β weighs the KL, σ₀ is the size of the noise


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def call(self, heads, draws):
        #: if squash
        mean = ops.tanh(heads["mean"])  # within [-1, 1]
        #: else
        mean = heads["mean"]
        #: end
        eps = NOISE * draws
        # >>> the latent rule: z
        z = mean + SIGMA0 * eps
        # >>> the latent rule: what is charged
        kl = 0.5 * ops.sum(mean**2 + SIGMA0**2 - 1 - 2 * np.log(SIGMA0), 1)
        self.add_loss(BETA * ops.mean(kl))
        return z
