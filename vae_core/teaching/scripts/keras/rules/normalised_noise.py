# ruff: noqa: E402, F401, F811, F821
"""Normalised code + noise: z = (μ(x) − m) / d + σₙ ε, nothing is charged (Ioffe & Szegedy 2015; Ghosh et al. 2020)."""

HEADS = {"mean": 2}  # what the encoder gives: name -> width
NOISE_STD = "$noise_std"  # σₙ, the size of the noise


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        # Moments of the batch; running ones at test time.
        self.normalise = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)
        self.normalise.build((None, 2))

    def call(self, heads, draws, training=False):
        mean = self.normalise(heads["mean"], training=training)
        # >>> the latent rule: z
        z = mean + NOISE_STD * NOISE * draws
        # >>> the latent rule: what is charged
        return z  # nothing: no self.add_loss(...)
