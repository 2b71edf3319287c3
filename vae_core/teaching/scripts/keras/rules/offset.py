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
class LatentRule(keras.layers.Layer):
    def __init__(self, train):
        super().__init__()
        #: if normalise
        # Moments of the batch; running ones at test time.
        self.normalise = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)
        #: end
        #: if f == "table"
        table = torch.randn(len(train), 2, generator=stream("offset/table"))  # one vector for each training image
        self.table = ops.convert_to_tensor(table.numpy())
        #: elif f == "own_table"
        self.table = ops.convert_to_tensor(np.load("table.npy"), "float32")  # yours, (n, 2): one row per training image
        #: elif f == "second_encoder"
        x = keras.Input((784,))
        self.second = keras.Model(x, encoder(x, "offset/second_encoder"))
        #: elif f == "random_network"
        x = keras.Input((784,))
        self.random = keras.Model(x, encoder(x, "offset/random_network"))
        self.random.trainable = False
        some = ops.stop_gradient(self.random(ops.convert_to_tensor(train[:1000] / 255, "float32"))["mean"])
        self.shift, self.deviation = ops.mean(some, 0), ops.std(some, 0)
        #: else
        some = measure(ops.convert_to_tensor(train[:1000] / 255, "float32"))
        self.shift, self.deviation = ops.mean(some), ops.std(some)
        #: end
        #: if by_row and unseen == "nearest"
        self.train_images = ops.convert_to_tensor(train / 255, "float32")
        #: end

    def f(self, images, rows, training):
        """(B, 2) the offset of each image, always the same."""
        #: if f == "second_encoder"
        return self.second(images)["mean"]
        #: elif f == "random_network"
        return (self.random(images)["mean"] - self.shift) / self.deviation
        #: elif f == "property"
        p = (measure(images) - self.shift) / self.deviation
        return ops.stack([p, ops.zeros_like(p)], 1)
        #: elif unseen == "zero"
        known = ops.cast(rows >= 0, "float32")[:, None]
        return known * ops.take(self.table, ops.maximum(rows, 0), 0)  # an unseen image has none
        #: elif unseen == "drawn"
        drawn = ops.cast(ops.round(ops.sum(images, 1) * 255), "int32") * 7919 % len(self.table)  # for an unseen image
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
