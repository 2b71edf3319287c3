# ruff: noqa: E402, F401, F811, F821
"""Noise only: z = ε, nothing is charged, as q(z|x) is the prior and its KL 0 (Kingma & Welling 2014, eq. 3)."""

HEADS = {"mean": 2}  # what the encoder gives; nobody asks for it


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def call(self, heads, draws):
        nothing = 0 * heads["mean"]
        # >>> the latent rule: z
        z = nothing + NOISE * draws
        # >>> the latent rule: what is charged
        return z  # nothing: no self.add_loss(...)
