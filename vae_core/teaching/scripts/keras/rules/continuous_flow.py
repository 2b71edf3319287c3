# ruff: noqa: E402, F401, F811, F821
#: if mode == "frozen"
"""Continuous flow: z = μ(x), dz/dt = v(z, t), charged ‖v(zₜ, t) − (z₁ − z₀)‖² (Lipman et al. 2023, eq. 23)."""

#: else
"""Continuous flow: z = μ(x), charged ‖v(zₜ, t) − (z₁ − z₀)‖² and, by its gradient, β KL(codes ‖ N(0, I))."""
#: end

HEADS = {"mean": 2}  # what the encoder gives: name -> width
#: if mode == "frozen"
STEPS, SPREAD = "$steps", (BATCH / (BATCH - 1)) ** 0.5  # of the solver; for deviations
#: else
STEPS, BETA, SPREAD = "$steps", "$beta", (BATCH / (BATCH - 1)) ** 0.5  # of the solver; weight; for deviations
#: end


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.mean, self.deviation = (self.add_weight((2,), start, trainable=False) for start in ("zeros", "ones"))
        place, random = keras.Input((3,)), stream("continuous_flow")
        hidden = dense(dense(place, 64, random, ops.silu, 1), 64, random, ops.silu, 1)
        self.velocity = keras.Model(place, dense(dense(hidden, 64, random, ops.silu, 1), 2, random, None, 1))

    def call(self, heads, draws, training=False):
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * ops.stop_gradient(ops.mean(z, 0)))
            self.deviation.assign(0.9 * self.deviation + 0.1 * ops.stop_gradient(SPREAD * ops.std(z, 0) + 1e-6))
        z1 = (z - self.mean) / self.deviation
        aim, n = ops.stop_gradient(z1), z.shape[0]
        t = ops.reshape((ops.arange(n, dtype="float32") + 0.5) / n, (n, 1))  # times evenly spaced
        place = (1 - t) * draws + t * aim
        v = self.velocity(ops.concatenate([place, t], 1))
        self.add_loss(ops.mean(ops.sum((v - (aim - draws)) ** 2, 1)))
        #: if mode == "together"
        # The encoder lowers KL(codes ‖ N(0, I)): its gradient is v less the velocity that would end in N(0, I).
        m, s = -self.mean / self.deviation, 1 / self.deviation  # of N(0, I), standardised as the codes are
        v_normal = m + (t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2) * (place - t * m)
        pull = (ops.stop_gradient(v) - v_normal) * (z1 - aim)  # is zero; only its gradient counts
        self.add_loss(BETA * ops.mean(ops.sum(pull, 1)))
        #: end
        return z

    def from_prior(self, z):  # codes (B, 2) for draws of N(0, I): Runge–Kutta 4 from t = 0 to 1
        for t in np.arange(STEPS, dtype="float32") / STEPS:
            k = [0 * z]
            for h in (0, 0.5 / STEPS, 0.5 / STEPS, 1 / STEPS):
                k.append(self.velocity(ops.concatenate([z + h * k[-1], t + h + 0 * z[:, :1]], 1)))
            z = z + (k[1] + 2 * k[2] + 2 * k[3] + k[4]) / (6 * STEPS)
        return self.mean + self.deviation * z
