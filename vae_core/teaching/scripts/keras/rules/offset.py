# ruff: noqa: E402, F401, F811, F821
#: if beta
"""Deterministic offset: z = μ(x) + a f(x), charged β ½‖z‖² (Ghosh et al. 2020, eq. 11)."""

#: else
"""Deterministic offset: z = μ(x) + a f(x), nothing is charged."""
#: end

HEADS = {"mean": 2}  # what the encoder gives: name -> width
A, BETA = "$a", "$beta"  # a scales the offset, β weighs ½‖z‖²


#: if f == "property"
def measure(images):
    """(n,) a visible property of images (n, 784) in [0, 1]."""
    #: if property == "ink"
    return ops.mean(images, 1)
    #: else
    x, ink = ops.reshape(images, (-1, 28, 28)), ops.maximum(ops.sum(images, 1), 1e-6)
    places = ops.arange(28, dtype="float32")
    columns, rows = ops.sum(x, 1), ops.sum(x, 2)  # (n, 28) ink in each
    u, v = (places - (ops.matmul(part, places) / ink)[:, None] for part in (columns, rows))  # from the middle
    #: if property == "slant"
    both = ops.sum(x * u[:, None, :] * v[:, :, None], (1, 2)) / ink
    return -both / ops.maximum(ops.sum(rows * v**2, 1) / ink, 1e-6)
    #: elif property == "height"
    return ops.sqrt(12 * ops.sum(rows * v**2, 1) / ink)
    #: else
    return ops.sqrt(12 * ops.sum(columns * u**2, 1) / ink)
    #: end
    #: end


#: end
@keras.saving.register_keras_serializable("$rule")
class LatentRule(keras.layers.Layer):
    def __init__(self, count, **options):  # of training images
        super().__init__(**options)
        self.count = count
        #: if normalise
        # Moments of the batch; running ones at test time.
        self.normalise = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)
        self.normalise.build((None, 2))
        #: end
        #: if by_row
        self.table = self.add_weight((count, 2), "zeros", trainable=False)  # one vector for each training image
        #: elif f == "property"
        self.shift, self.deviation = (self.add_weight((), "zeros", trainable=False) for _ in range(2))
        #: else
        x = keras.Input((784,))
        self.other = keras.Model(x, encoder(x, "offset/$f"))
        #: end
        #: if f == "random_network"
        self.other.trainable = False
        self.shift, self.deviation = (self.add_weight((2,), "zeros", trainable=False) for _ in range(2))
        #: end
        #: if by_row and unseen == "nearest"
        self.train_images = self.add_weight((count, 784), "zeros", trainable=False)
        #: end

    def get_config(self):
        return {**super().get_config(), "count": self.count}

    def learn(self, train):
        #: if f == "table"
        self.table.assign(normal(stream("offset/table"), len(train), 2))
        #: elif f == "own_table"
        self.table.assign(np.load("table.npy"))  # yours, (n, 2): one row per training image
        #: elif f == "random_network"
        some = self.other(ops.convert_to_tensor(train[:1000] / 255, "float32"))["mean"]
        self.shift.assign(ops.mean(some, 0)), self.deviation.assign(ops.std(some, 0))
        #: elif f == "property"
        some = measure(ops.convert_to_tensor(train[:1000] / 255, "float32"))
        self.shift.assign(ops.mean(some)), self.deviation.assign(ops.std(some))
        #: else
        pass  # the second encoder learns with the first
        #: end
        #: if by_row and unseen == "nearest"
        self.train_images.assign(train / 255)
        #: end

    def f(self, images, rows, training):
        """(B, 2) the offset of each image, always the same."""
        #: if f == "second_encoder"
        return self.other(images)["mean"]
        #: elif f == "random_network"
        return (self.other(images)["mean"] - self.shift) / self.deviation
        #: elif f == "property"
        p = (measure(images) - self.shift) / self.deviation
        return ops.stack([p, ops.zeros_like(p)], 1)
        #: elif unseen == "zero"
        known = ops.cast(rows >= 0, "float32")[:, None]
        return known * ops.take(self.table, ops.maximum(rows, 0), 0)  # an unseen image has none
        #: elif unseen == "drawn"
        drawn = ops.cast(ops.round(ops.sum(images, 1) * 255), "int32") * 7919 % self.count  # for an unseen image
        return ops.take(self.table, ops.where(rows < 0, drawn, rows), 0)
        #: else
        if not training:  # an unseen image has the row of the nearest training image
            t = self.train_images
            nearest = ops.argmin(ops.sum(t**2, 1) - 2 * ops.matmul(images, ops.transpose(t)), 1)
            rows = ops.where(rows < 0, ops.cast(nearest, "int32"), rows)
        return ops.take(self.table, rows, 0)
        #: end

    def call(self, heads, draws, images, rows=None, training=False):
        #: if normalise
        code = self.normalise(heads["mean"], training=training)
        #: else
        code = heads["mean"]
        #: end
        # >>> the latent rule: z
        z = code + A * self.f(images, rows, training)
        # >>> the latent rule: what is charged
        #: if beta
        self.add_loss(BETA * 0.5 * ops.mean(ops.sum(z**2, 1)))
        return z
        #: else
        return z  # nothing: no self.add_loss(...)
        #: end
