# ruff: noqa: E402, F401, F811, F821
"""$title

Weights, batches and noise are those of a Noise Lab run; numbers are nats per image. Needs $packages.
Usage: python script.py [FOLDER with $data, else where Noise Lab looks for it, else a download] [--steps N]
"""

import argparse
import gzip
import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

SEED, HIDDEN, BATCH, TRAIN_SIZE, RATE = "$seed", "$hidden", "$batch_size", "$train_size", "$learning_rate"
ACTIVATION, NOISE = "$activation", "$noise"  # NOISE is the noise switch, 0 to 1: a scale on ε


def stream(*names):  # a random stream of its own for each name
    digest = hashlib.sha256("/".join(map(str, (SEED, *names))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def network(*sizes, generator):  # weights U(±√(3/inputs)) and no bias to start with, activations between
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), ACTIVATION]
        nn.init.kaiming_uniform_(layers[-2].weight, nonlinearity="linear", generator=generator)
        nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


#: if members
class Encoder(nn.Module):  # images (B, 784) -> heads: name -> (B, width)
    def __init__(self, heads, name="encoder", hidden=HIDDEN):
        super().__init__()
        self.trunk = network(784, *hidden, generator=stream(name))
        self.heads = nn.ModuleDict({h: network(hidden[-1], heads[h], generator=stream(name, h)) for h in heads})

    def forward(self, images):
        h = ACTIVATION(self.trunk(images))
        return {name: head(h) for name, head in self.heads.items()}


#: end

#: rule


class Autoencoder(nn.Module):  # images (B, 784) -> encoder -> latent rule -> z (B, 2) -> decoder -> logits of pixels
    def __init__(self, train):
        super().__init__()
        #: if encoders > 1
        names = ["encoder", *(f"encoder/{k}" for k in range(2, "$encoders" + 1))]
        self.encoders = nn.ModuleList(Encoder(HEADS, name, "$encoder_hidden") for name in names)
        #: elif members
        self.encoder = Encoder(HEADS, hidden="$encoder_hidden")
        #: else
        self.trunk = network(784, *"$encoder_hidden", generator=stream("encoder"))
        self.heads = nn.ModuleDict(
            {h: network("$encoder_hidden"[-1], HEADS[h], generator=stream("encoder", h)) for h in HEADS}
        )
        #: end
        #: if rule == "offset"
        self.rule = LatentRule(train)
        #: else
        self.rule = LatentRule()
        #: end
        self.decoder = network(2, *reversed(HIDDEN), 784, generator=(random := stream("decoder")))
        self.decoder[0].bias.data.uniform_(-2, 2, generator=random)  # its units bend all over the plane
        self.decoder[-1].weight.data *= 0.3  # starts near the mean image
        self.decoder[-1].bias.data = (train.double().mean(0) / 255).float().logit(0.01)

    def forward(self, images, rows, draws):  # (B,) each: −log p(x|z), what is charged, the KL where there is one
        #: if encoders > 1
        each = [encoder(images) for encoder in self.encoders]  # their mean is taken
        heads = {name: sum(heads[name] for heads in each) / len(each) for name in HEADS}
        #: elif members
        heads = self.encoder(images)
        #: else
        h = ACTIVATION(self.trunk(images))
        heads = {name: head(h) for name, head in self.heads.items()}
        #: end
        z, *charged = self.rule(heads, NOISE * draws, images, rows, draws)
        logits = self.decoder(z)
        #: if likelihood == "gaussian"
        variance = "$deviation" ** 2
        nats = (images - logits.sigmoid()) ** 2 / (2 * variance) + 0.5 * torch.tensor(2 * torch.pi * variance).log()
        return nats.sum(1), *charged
        #: else
        return (nn.functional.softplus(logits) - images * logits).sum(1), *charged
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
        import torchvision

        #: if dataset == "fashion_mnist"
        sets = [torchvision.datasets.FashionMNIST("data", train, download=True) for train in (True, False)]
        #: else
        sets = [torchvision.datasets.MNIST("data", train, download=True) for train in (True, False)]
        #: end
        return [part.data.view(-1, 784).numpy() for part in sets]
    except Exception as error:
        print(f"$data was not found, and not downloaded ({error}): scikit-learn's 8×8 digits stand in for it.")
        return digits()
    #: end


#: if pixels == "binarized"
def binarized(images):  # ink with the probability of the grey value; what is drawn follows from the image's bytes
    drawn = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(b"0/binarized").digest()[:7], "big"))
    weights = torch.randint(2**30, (784,), generator=drawn).double()
    levels = torch.randint(255, (2**20 + 784,), generator=drawn, dtype=torch.uint8).unfold(0, 784, 1)
    return torch.cat([255 * (x > levels[(x.double() @ weights).long() % 2**20]) for x in images.split(5000)])


#: end
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--steps", type=int, help="3 epochs if left out")
    mine = os.path.abspath(sys.argv[0]) == os.path.abspath(globals().get("__file__", ""))
    options = parser.parse_args(sys.argv[1:] if mine else [])  # in a notebook's cell, they are its kernel's
    train, test = (torch.from_numpy(part.copy()) for part in load(options.folder))
    test = test[:1000]
    #: if pixels == "binarized"
    train, test = binarized(train), binarized(test)
    #: end
    #: if train_size < 60000
    if TRAIN_SIZE < len(train):
        train = train[torch.randperm(len(train), generator=stream("subset"))[:TRAIN_SIZE]]
    #: end
    count = len(train) // (size := min(BATCH, len(train)))  # steps in an epoch; a last, smaller batch is left out
    model = Autoencoder(train)
    optimiser = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    for step in range(steps := options.steps or 3 * count):
        if step % count == 0:
            order = torch.randperm(len(train), generator=stream("order", step // count)).split(size)
            noise = torch.randn(count * size, 2, generator=stream("noise", step // count)).split(size)
        rows, draws = order[step % count], noise[step % count]
        nats, charged, *_ = model(train[rows] / 255, rows, draws)
        optimiser.param_groups[0]["lr"] = RATE * min(1, (step + 1) / 50) / (1 + (step + 1) / 100) ** 0.5
        optimiser.zero_grad()
        (nats + charged).mean().backward()
        optimiser.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: training loss {(nats + charged).mean().item():.2f} nats")
    model.eval().requires_grad_(False)
    draws, unseen = torch.randn(len(test), 2, generator=stream("test")), torch.full((len(test),), -1)
    parts = [part.mean().item() for part in model(test / 255, unseen, draws)]
    print(*(f"test {name} {nats:.2f} nats" for name, nats in zip(("reconstruction", "charged", "KL"), parts)), sep="\n")
    print(f"step {steps}: $loss {parts[0] + parts[1]:.2f} nats")
