# ruff: noqa: E402, F401, F811, F821
"""$title

Weights, batches and noise are those of a Noise Lab run, whatever the backend; numbers are nats per image.
Needs keras and torch. Usage: python script.py [FOLDER with $data's IDX files] [--steps N]
"""

import argparse
import gzip
import hashlib
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")  # it is here anyway; any other does, too

import keras
import numpy as np
import torch
from keras import ops

SEED, HIDDEN, BATCH, TRAIN_SIZE, RATE = "$seed", "$hidden", "$batch_size", "$train_size", "$learning_rate"
ACTIVATION, NOISE = "$activation", "$noise"  # NOISE is the noise switch, 0 to 1: a scale on ε


def stream(*names):  # a random stream of its own for each name, as in Noise Lab
    digest = hashlib.sha256("/".join(map(str, (SEED, *names))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def load(folder, name):  # (n, 784) uint8: the images of an IDX file, .gz or not
    if not folder:
        #: if dataset == "fashion_mnist"
        return keras.datasets.fashion_mnist.load_data()[name != "train"][0].reshape(-1, 784)
        #: else
        return keras.datasets.mnist.load_data()[name != "train"][0].reshape(-1, 784)
        #: end
    path = next(Path(folder).glob(f"{name}-images*"), None) or exit(f"{folder} lacks {name}-images-idx3-ubyte.")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784)


#: if pixels == "binarized"
def binarized(images):  # ink with the probability of the grey value; what is drawn follows from the image's bytes
    drawn = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(b"0/binarized").digest()[:7], "big"))
    weights = torch.randint(2**30, (784,), generator=drawn).numpy()
    levels = torch.randint(255, (2**20 + 784,), generator=drawn, dtype=torch.uint8).unfold(0, 784, 1).numpy()
    return np.concatenate([255 * (x > levels[x @ weights % 2**20]) for x in np.array_split(images, 20)])


#: end
#: if rule in ("flow", "continuous_flow")
def dense(x, width, random, activation=None, bias=0):  # weights U(±√(3/inputs)), or both U(±1/√inputs)
    drawn, shift = (torch.empty(width, n).uniform_(-1, 1, generator=random) for n in (x.shape[1], bias))
    start = (lambda *_, dtype, w=w: w.numpy() * ((3 - 2 * bias) / x.shape[1]) ** 0.5 for w in (drawn.T, shift.sum(1)))
    return keras.layers.Dense(width, activation, True, *start)(x)


#: else
def dense(x, width, random, activation=None):  # weights U(±√(3/inputs)), biases 0
    start = torch.empty(width, x.shape[1]).uniform_(-1, 1, generator=random).T.numpy() * (3 / x.shape[1]) ** 0.5
    return keras.layers.Dense(width, activation, kernel_initializer=lambda *_, dtype: start)(x)


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
    #: if by_row
    rows = keras.Input((), dtype="int32")  # of the image among the training images, or -1
    z = LatentRule(train)(heads, draws, x, rows)
    #: elif rule == "offset"
    z = LatentRule(train)(heads, draws, x)
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
    first.bias.assign(torch.empty(HIDDEN[-1]).uniform_(-2, 2, generator=random))  # its units bend all over the plane
    last.set_weights([0.3 * last.kernel.numpy(), np.log(mean / (1 - mean))])  # starts near the mean image
    return model


def reconstruction(x, logits):
    #: if likelihood == "gaussian"
    variance = "$deviation" ** 2
    nats = ops.subtract(x, ops.sigmoid(logits)) ** 2 / (2 * variance) + 0.5 * np.log(2 * np.pi * variance)
    return ops.sum(nats, 1)
    #: else
    return ops.sum(ops.softplus(logits) - ops.multiply(x, logits), 1)  # Bernoulli pixels
    #: end


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    #: if dataset == "fashion_mnist"
    data = os.path.join(os.environ.get("NOISE_LAB_DATA", "data"), "fashion_mnist")
    parser.add_argument("folder", nargs="?", default=data if os.path.isdir(data) else None)
    #: else
    parser.add_argument("folder", nargs="?", default=os.environ.get("NOISE_LAB_DATA"))
    #: end
    parser.add_argument("--steps", type=int, help="3 epochs if left out")
    options = parser.parse_args([] if "ipykernel" in sys.modules else None)  # a notebook's are its kernel's
    train, test = load(options.folder, "train"), load(options.folder, "t10k")[:1000]
    #: if pixels == "binarized"
    train, test = binarized(train), binarized(test)
    #: end
    #: if train_size < 60000
    if TRAIN_SIZE < len(train):
        train = train[torch.randperm(len(train), generator=stream("subset"))[:TRAIN_SIZE]]
    #: end
    count = len(train) // (size := min(BATCH, len(train)))  # steps in an epoch; a last, smaller batch is left out
    model = autoencoder(train)
    model.compile(keras.optimizers.Adam(beta_2=0.99, epsilon=1e-8), reconstruction, metrics=[reconstruction])
    for step in range(steps := options.steps or 3 * count):
        if step % count == 0:
            order = torch.randperm(len(train), generator=stream("order", step // count)).split(size)
            noise = torch.randn(count * size, 2, generator=stream("noise", step // count)).split(size)
        rows, draws = order[step % count].numpy(), noise[step % count].numpy()
        model.optimizer.learning_rate = RATE * min(1, (step + 1) / 50) / (1 + (step + 1) / 100) ** 0.5
        images = train[rows].astype("float32") / 255
        #: if by_row
        loss, *_ = model.train_on_batch([images, draws, rows], images)
        #: else
        loss, *_ = model.train_on_batch([images, draws], images)
        #: end
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: training loss {loss:.2f} nats")
    images, draws = test.astype("float32") / 255, torch.randn(len(test), 2, generator=stream("test")).numpy()
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
