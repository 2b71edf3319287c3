# ruff: noqa: E402, F401, F811, F821
"""Autoencoder: z = μ(x), nothing is charged (Hinton & Salakhutdinov 2006)."""

HEADS = {"mean": 2}  # what the encoder gives: name -> width


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def call(self, heads, draws):
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        return z  # nothing: no self.add_loss(...)
