# ruff: noqa: E402, F401, F811, F821
"""$title

Weights, batches and noise are those of a Noise Lab run; numbers are nats per image. Needs $packages.
Usage: python script.py [FOLDER with $data's IDX files, else torchvision downloads them] [--steps N]
"""

import argparse
import gzip
import hashlib
import os
import sys
from pathlib import Path

import torch
from torch import nn

SEED, HIDDEN, BATCH, TRAIN_SIZE, RATE = "$seed", "$hidden", "$batch_size", "$train_size", "$learning_rate"
ACTIVATION, NOISE = "$activation", "$noise"  # NOISE is the noise switch, 0 to 1: a scale on ε


def stream(*names):  # a random stream of its own for each name
    digest = hashlib.sha256("/".join(map(str, (SEED, *names))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def load(folder, name):  # (n, 784) uint8: the images of an IDX file, .gz or not
    if not folder:
        import torchvision

        #: if dataset == "fashion_mnist"
        return torchvision.datasets.FashionMNIST("data", name == "train", download=True).data.view(-1, 784)
        #: else
        return torchvision.datasets.MNIST("data", name == "train", download=True).data.view(-1, 784)
        #: end
    path = next(Path(folder).glob(f"{name}-images*"), None) or exit(f"{folder} lacks {name}-images-idx3-ubyte.")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return torch.frombuffer(bytearray(raw[16:]), dtype=torch.uint8).view(-1, 784)


#: if pixels == "binarized"
def binarized(images):  # ink with the probability of the grey value; what is drawn follows from the image's bytes
    drawn = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(b"0/binarized").digest()[:7], "big"))
    weights = torch.randint(2**30, (784,), generator=drawn).double()
    levels = torch.randint(255, (2**20 + 784,), generator=drawn, dtype=torch.uint8).unfold(0, 784, 1)
    return torch.cat([255 * (x > levels[(x.double() @ weights).long() % 2**20]) for x in images.split(5000)])


#: end
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
