# ruff: noqa: E402, F401, F811, F821
#: if mode == "prior"
"""Spline flow as the prior: z = μ(x) + σ(x) ε, charged β (log q(z|x) − log p(z)), p by a flow (Chen et al. 2017)."""

#: else
"""Spline flow: z = μ(x), charged −log N(f(z); 0, I) − log |det ∂f/∂z|, f a flow (Rezende & Mohamed 2015, eq. 7)."""
#: end

#: if mode == "prior"
HEADS = {"mean": 2, "log_variance": 2}  # what the encoder gives: name -> width
#: else
HEADS = {"mean": 2}  # what the encoder gives: name -> width
#: end
#: if mode == "frozen"
LAYERS, SPREAD = "$layers", (BATCH / (BATCH - 1)) ** 0.5  # couplings; makes a deviation unbiased
#: else
LAYERS, BETA, SPREAD = "$layers", "$beta", (BATCH / (BATCH - 1)) ** 0.5  # couplings; weight; makes a deviation unbiased
#: end


def spline(u, raw):  # f(u) and log f'(u), (B,): monotone, rational-quadratic on [-5, 5] (Durkan et al. 2019, eq. 4, 5)
    w, h, d = (part / (1 + ops.abs(c * part / np.log(1e-3))) for part, c in zip(ops.split(raw, [8, 16], 1), (2, 2, 1)))
    xs, ys = (10 * ops.pad(ops.cumsum(ops.softmax(part), 1), ((0, 0), (1, 0))) - 5 for part in (w, h))
    slopes = ops.exp(ops.pad(d, ((0, 0), (1, 1))))
    k = ops.clip(ops.sum(ops.cast(xs < u[:, None], "int32"), 1, keepdims=True) - 1, 0, 7)
    x0, x1, y0, y1, d0, d1 = (ops.take_along_axis(v, k + i, 1)[:, 0] for v in (xs, ys, slopes) for i in (0, 1))
    inside, s = ops.abs(u) < 5, (y1 - y0) / (x1 - x0)
    t = ops.where(inside, (u - x0) / (x1 - x0), 0.5)
    below = s + (d0 + d1 - 2 * s) * t * (1 - t)
    ladj = ops.log(s**2 * (d1 * t**2 + 2 * s * t * (1 - t) + d0 * (1 - t) ** 2) / below**2)
    return ops.where(inside, y0 + (y1 - y0) * (s * t**2 + d0 * t * (1 - t)) / below, u), ops.where(inside, ladj, 0.0)


@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.mean, self.deviation = (self.add_weight((2,), start, trainable=False) for start in ("zeros", "ones"))
        kept, flow = [keras.Input((1,)) for _ in range(LAYERS)], stream("flow")
        moved = [dense(dense(dense(u, 32, flow, "relu", 1), 32, flow, "relu", 1), 23, flow, None, 1) for u in kept]
        self.nets = [keras.Model(*ends) for ends in zip(kept, moved)]

    def call(self, heads, draws, training=False):
        #: if mode == "prior"
        mean, log_scale = heads["mean"], 0.5 * heads["log_variance"]
        # >>> the latent rule: z
        z = mean + ops.exp(log_scale) * NOISE * draws
        # >>> the latent rule: what is charged, at a draw that the noise switch does not touch
        log_q = -ops.sum(0.5 * draws**2 + log_scale, 1) - np.log(2 * np.pi)
        codes = mean + ops.exp(log_scale) * draws
        #: else
        # >>> the latent rule: z
        z = heads["mean"]
        # >>> the latent rule: what is charged
        #: if mode == "frozen"
        codes = ops.stop_gradient(z)  # the autoencoder does not notice
        #: else
        # The flow raises the density of the codes; the encoder, its gradient turned round, lowers KL(codes ‖ N(0, I)).
        codes = (1 + BETA) * ops.stop_gradient(z) - BETA * z
        #: end
        #: end
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * ops.stop_gradient(ops.mean(codes, 0)))
            self.deviation.assign(0.9 * self.deviation + 0.1 * ops.stop_gradient(SPREAD * ops.std(codes, 0) + 1e-6))
        kept, moved = ops.unstack((codes - self.mean) / self.deviation, 2, 1)
        total = -ops.sum(ops.log(self.deviation)) - np.log(2 * np.pi)
        for net in self.nets:  # each coupling moves one coordinate by a spline that the other one shapes
            moved, ladj = spline(moved, net(kept[:, None]))
            kept, moved, total = moved, kept, total + ladj
        #: if mode == "prior"
        self.add_loss(BETA * ops.mean(log_q + 0.5 * (kept**2 + moved**2) - total))
        #: elif mode == "frozen"
        self.add_loss(ops.mean(0.5 * (kept**2 + moved**2) - total))
        #: else
        flow = 0.5 * (kept**2 + moved**2) - total
        self.add_loss(ops.mean(flow + BETA * (0.5 * ops.sum(z**2, 1) + np.log(2 * np.pi))))
        #: end
        return z
