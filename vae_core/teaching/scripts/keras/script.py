# ruff: noqa: E402, F401, F811, F821
"""$title

Weights, batches and noise are those of a Noise Lab run, whatever the backend, where torch is installed; numbers are
nats per image. Usage: python script.py [FOLDER with $data, else where Noise Lab looks for it] [--steps N]
What model.save("mine.keras") writes, keras.saving.load_model opens where this file was run or imported.
"""

import argparse
import gzip
import hashlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", next(filter(find_spec, ("torch", "jax", "tensorflow")), "torch"))
try:
    import torch  # draws Noise Lab's random numbers
except ImportError:
    torch = None  # others like them, then

import keras
import numpy as np
from keras import ops


#: if activation == "gelu"
@keras.saving.register_keras_serializable("$rule")
def gelu(x):  # by tanh, which a saved ops.gelu would not be
    return ops.gelu(x, approximate=True)


#: end
SEED, HIDDEN, BATCH, TRAIN_SIZE, RATE = "$seed", "$hidden", "$batch_size", "$train_size", "$learning_rate"
ACTIVATION, NOISE = "$activation", "$noise"  # NOISE is the noise switch, 0 to 1: a scale on ε


def stream(*names):  # a random stream of its own for each name, as in Noise Lab
    digest = hashlib.sha256("/".join(map(str, (SEED, *names))).encode()).digest()
    seed = int.from_bytes(digest[:7], "big")
    return torch.Generator().manual_seed(seed) if torch else np.random.default_rng(seed)


def uniform(random, *shape):  # from -1 to 1
    return torch.empty(shape).uniform_(-1, 1, generator=random).numpy() if torch else random.uniform(-1, 1, shape)


def normal(random, *shape):
    return torch.randn(shape, generator=random).numpy() if torch else random.standard_normal(shape, "float32")


def order(random, count):
    return torch.randperm(count, generator=random).numpy() if torch else random.permutation(count)


#: if rule in ("flow", "continuous_flow")
def dense(x, width, random, activation=None, bias=0):  # weights U(±√(3/inputs)), or both U(±1/√inputs)
    layer, n = keras.layers.Dense(width, activation), x.shape[1]
    y = layer(x)
    weights, biases = (uniform(random, width, k) * ((3 - 2 * bias) / n) ** 0.5 for k in (n, bias))
    layer.set_weights([weights.T, biases.sum(1)])
    return y


#: else
def dense(x, width, random, activation=None):  # weights U(±√(3/inputs)), biases 0
    layer = keras.layers.Dense(width, activation)
    y = layer(x)
    layer.set_weights([uniform(random, width, x.shape[1]).T * (3 / x.shape[1]) ** 0.5, np.zeros(width)])
    return y


#: end
def network(x, widths, random):
    for width in widths:
        x = dense(x, width, random, ACTIVATION)
    return x


#: if members
def encoder(x, name, hidden=HIDDEN):  # images (B, 784) -> heads: name -> (B, width)
    h = network(x, hidden, stream(name))
    return {head: dense(h, HEADS[head], stream(name, head)) for head in HEADS}


#: end

#: rule


def autoencoder(train):  # images (B, 784) -> encoder -> latent rule -> z (B, 2) -> decoder -> logits of pixels
    x, draws = keras.Input((784,)), keras.Input((2,))
    #: if encoders > 1
    names = ["encoder", *(f"encoder/{k}" for k in range(2, "$encoders" + 1))]
    each = [encoder(x, name, "$encoder_hidden") for name in names]  # their mean is taken
    heads = {head: keras.layers.Average()([heads[head] for heads in each]) for head in HEADS}
    #: elif members
    heads = encoder(x, "encoder", "$encoder_hidden")
    #: else
    h = network(x, "$encoder_hidden", stream("encoder"))
    #: if rule == "offset"
    heads = {head: dense(h, HEADS[head], stream("encoder", head)) for head in HEADS}
    #: else
    z = LatentRule()({head: dense(h, HEADS[head], stream("encoder", head)) for head in HEADS}, draws)
    #: end
    #: end
    #: if rule == "offset"
    rule = LatentRule(len(train))
    rule.learn(train)
    #: end
    #: if by_row
    rows = keras.Input((), dtype="int32")  # of the image among the training images, or -1
    z = rule(heads, draws, x, rows)
    #: elif rule == "offset"
    z = rule(heads, draws, x)
    #: elif encoders > 1
    z = LatentRule()(heads, draws)
    #: end
    random, mean = stream("decoder"), np.clip(train.mean(0) / 255, 0.01, 0.99)
    #: if by_row
    model = keras.Model([x, draws, rows], dense(network(z, reversed(HIDDEN), random), 784, random))
    #: else
    model = keras.Model([x, draws], dense(network(z, reversed(HIDDEN), random), 784, random))
    #: end
    first, last = model.layers[-1 - len(HIDDEN)], model.layers[-1]
    first.bias.assign(2 * uniform(random, HIDDEN[-1]))  # its units bend all over the plane
    last.set_weights([0.3 * last.kernel.numpy(), np.log(mean / (1 - mean))])  # starts near the mean image
    return model


@keras.saving.register_keras_serializable("$rule")
def reconstruction(x, logits):
    #: if likelihood == "gaussian"
    variance = "$deviation" ** 2
    nats = ops.subtract(x, ops.sigmoid(logits)) ** 2 / (2 * variance) + 0.5 * np.log(2 * np.pi * variance)
    return ops.sum(nats, 1)
    #: else
    return ops.sum(ops.softplus(logits) - ops.multiply(x, logits), 1)  # Bernoulli pixels
    #: end


#: if dataset != "digits"
CACHE = {"darwin": "~/Library/Caches", "win32": "~/AppData/Local"}.get(sys.platform, "~/.cache")
FOLDERS = [os.environ.get("NOISE_LAB_CACHE", f"{CACHE}/noise-lab"), "data", "../data", "~/data", "~/datasets"]
FOLDERS += ["~/.cache/torchvision", os.path.join(os.environ.get("KERAS_HOME", "~/.keras"), "datasets")]
#: end


def digits():  # (1500, 784) to train, (297, 784) to test: scikit-learn's 8×8 digits, enlarged as in Noise Lab
    from sklearn.datasets import load_digits

    d = abs(0.4 * np.arange(20)[:, None] - 0.3 - np.arange(8))  # (20, 8) distances, for Catmull–Rom weights
    w = np.where(d < 1, 1.5 * d**3 - 2.5 * d**2 + 1, np.where(d < 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0))
    w = np.rint(2000 * w).astype(np.int64)
    large = (510 * (w @ load_digits().images.astype(np.int64) @ w.T) + 64_000_000) // 128_000_000
    images = np.pad(large.clip(0, 255), ((0, 0), (4, 4), (4, 4))).astype(np.uint8).reshape(-1, 784)
    return np.split(images[np.random.RandomState(0).permutation(1797)], [1500])


def load(folder):  # (n, 784) uint8 to train and to test, from IDX files (.gz or not) or an .npz
    #: if dataset == "digits"
    if not folder:
        return digits()
    roots, inside = [folder], (".",)
    #: elif dataset == "fashion_mnist"
    roots = [folder] if folder else [os.environ.get("NOISE_LAB_DATA", "data"), *FOLDERS]
    inside = (*((".",) if folder else ()), "fashion_mnist", "fashion-mnist", "FashionMNIST/raw")
    #: else
    folder = folder or os.environ.get("NOISE_LAB_DATA")
    roots, inside = [folder] if folder else FOLDERS, (".", "mnist", "MNIST/raw")
    #: end
    for place in (Path(root, inner).expanduser() for root in roots for inner in inside):
        train, test = (
            [*place.glob(f"{part}-images?idx3-ubyte"), *place.glob(f"{part}-images?idx3-ubyte.gz")]
            for part in ("train", "t10k")
        )
        if train and test:
            raw = [(gzip.open if path.suffix == ".gz" else open)(path, "rb").read() for path in (train[0], test[0])]
            return [np.frombuffer(part, np.uint8, offset=16).reshape(-1, 784) for part in raw]
        for path in [place] if place.suffix == ".npz" else place.glob("*.npz" if folder else "$pattern.npz"):
            with np.load(path) as file:
                found = [part for part in map(file.get, file) if part.ndim > 1 and part.size == 784 * len(part)]
            if len(found) > 1:
                parts = sorted(found, key=len)[:-3:-1]
                return [np.uint8(np.rint(part * (1 if part.max() > 1 else 255.0))).reshape(-1, 784) for part in parts]
        #: if dataset != "digits"
        for path in place.glob("$dataset.npy"):  # Noise Lab's own: all four arrays in one
            flat = np.load(path, mmap_mode="r")
            return [part.reshape(-1, 784) for part in (flat[:47_040_000], flat[47_100_000:54_940_000])]
        #: end
    if folder:
        sys.exit(f"{folder} holds neither train-images-idx3-ubyte and t10k-images-idx3-ubyte (.gz or not) nor an .npz.")
    #: if dataset != "digits"
    try:
        if os.environ.get("NOISE_LAB_OFFLINE", "0") not in ("", "0"):
            raise OSError("downloads are switched off")
        #: if dataset == "fashion_mnist"
        return [part[0].reshape(-1, 784) for part in keras.datasets.fashion_mnist.load_data()]
        #: else
        return [part[0].reshape(-1, 784) for part in keras.datasets.mnist.load_data()]
        #: end
    except Exception as error:
        print(f"$data was not found, and not downloaded ({error}): scikit-learn's 8×8 digits stand in for it.")
        return digits()
    #: end


#: if pixels == "binarized"
def binarized(images):  # ink with the probability of the grey value; what is drawn follows from the image's bytes
    seed = int.from_bytes(hashlib.sha256(b"0/binarized").digest()[:7], "big")
    drawn = torch.Generator().manual_seed(seed) if torch else np.random.default_rng(seed)
    weights = torch.randint(2**30, (784,), generator=drawn).numpy() if torch else drawn.integers(2**30, size=784)
    levels = (2**20 + 784,)
    levels = (
        torch.randint(255, levels, generator=drawn, dtype=torch.uint8) if torch else drawn.integers(255, size=levels)
    )
    levels = np.lib.stride_tricks.sliding_window_view(np.asarray(levels), 784)
    return np.concatenate([255 * (x > levels[x @ weights % 2**20]) for x in np.array_split(images, 20)])


#: end
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--steps", type=int, help="3 epochs if left out")
    mine = os.path.abspath(sys.argv[0]) == os.path.abspath(globals().get("__file__", ""))
    options = parser.parse_args(sys.argv[1:] if mine else [])  # in a notebook's cell, they are its kernel's
    train, test = load(options.folder)
    test = test[:1000]
    #: if pixels == "binarized"
    train, test = binarized(train), binarized(test)
    #: end
    #: if train_size < 60000
    if TRAIN_SIZE < len(train):
        train = train[order(stream("subset"), len(train))[:TRAIN_SIZE]]
    #: end
    count = len(train) // (size := min(BATCH, len(train)))  # steps in an epoch; a last, smaller batch is left out
    model = autoencoder(train)
    model.compile(keras.optimizers.Adam(beta_2=0.99, epsilon=1e-8), reconstruction, metrics=[reconstruction])
    for step in range(steps := options.steps or 3 * count):
        if step % count == 0:
            shuffled = order(stream("order", step // count), len(train))
            noise = normal(stream("noise", step // count), count * size, 2)
        now = slice(step % count * size, (step % count + 1) * size)
        rows, draws = shuffled[now], noise[now]
        model.optimizer.learning_rate = RATE * min(1, (step + 1) / 50) / (1 + (step + 1) / 100) ** 0.5
        images = train[rows].astype("float32") / 255
        #: if by_row
        loss, *_ = model.train_on_batch([images, draws, rows], images)
        #: else
        loss, *_ = model.train_on_batch([images, draws], images)
        #: end
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: training loss {loss:.2f} nats")
    images, draws = test.astype("float32") / 255, normal(stream("test"), len(test), 2)
    #: if by_row
    loss, nats = model.test_on_batch([images, draws, np.full(len(test), -1)], images)
    #: else
    loss, nats = model.test_on_batch([images, draws], images)
    #: end
    #: if kl is None
    print(f"test reconstruction {nats:.2f} nats", f"test charged {loss - nats:.2f} nats", sep="\n")
    #: else
    for name, value in zip(("reconstruction", "charged", "KL"), (nats, loss - nats, "$kl")):
        print(f"test {name} {value:.2f} nats")
    #: end
    print(f"step {steps}: $loss {loss:.2f} nats")
