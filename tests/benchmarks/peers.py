"""Others that train a variational autoencoder on MNIST, each behind the same two functions; what each of them takes for
a step: ``python -m tests.benchmarks.peers``. `tests.benchmarks.training` compares them with ours."""

import argparse
import contextlib
import io
import itertools
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from vae_core import load_dataset

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


@dataclass(frozen=True)
class Contender:
    """Something that trains.

    Attributes:
        train: does this many steps.
        loss: (n, 784) images, (n, 2) ε -> −ELBO in nats per image, one draw of z.
        batch: images of one step.
    """

    train: Callable[[int], None]
    loss: Callable[[Tensor, Tensor], float]
    batch: int


class TorchvisionMNIST(Dataset):
    """What torchvision's MNIST with its ToTensor does for each image, operation by operation."""

    def __init__(self) -> None:
        data = load_dataset("mnist")
        self.images = torch.from_numpy(np.array(data.train_images))
        self.labels = torch.from_numpy(np.array(data.train_labels)).long()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        picture, label = Image.fromarray(self.images[i].numpy(), mode="L"), int(self.labels[i])
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        pixels = pixels.view(picture.size[1], picture.size[0], len(picture.getbands()))
        return pixels.permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255), label


class Batches:
    """The next n batches of a loader, epoch after epoch: so that a loop can be run in pieces."""

    def __init__(self, loader: DataLoader) -> None:
        self.dataset, self.n = loader.dataset, 0
        self.stream = itertools.chain.from_iterable(itertools.repeat(loader))

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator:
        return itertools.islice(self.stream, self.n)


class Network(nn.Module):
    """784-400-2-400-784, as in PyTorch's example, its latent two wide."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.into, self.mean, self.log_variance = nn.Linear(784, 400), nn.Linear(400, 2), nn.Linear(400, 2)
        self.back, self.out = nn.Linear(2, 400), nn.Linear(400, 784)
        self.activation = ACTIVATIONS[activation]()

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.activation(self.into(x))
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.out(self.activation(self.back(z))))


def negative_elbo(painted: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of probabilities of ink (B, 784), in nats, summed over the batch."""
    kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return F.binary_cross_entropy(painted, x, reduction="sum") + kl


def pytorch_example(seed: int = 0, activation: str = "relu") -> Contender:
    """The loop of pytorch/examples, vae/main.py, with its defaults; what it prints is left out."""
    torch.manual_seed(seed)
    network, batches = Network(activation), Batches(DataLoader(TorchvisionMNIST(), batch_size=128, shuffle=True))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    def train(steps: int) -> None:
        network.train()
        batches.n, total = steps, 0.0
        for images, _ in batches:
            x = images.view(-1, 784)
            optimiser.zero_grad()
            mean, log_variance = network.encode(x)
            std = torch.exp(0.5 * log_variance)
            painted = network.decode(mean + torch.randn_like(std) * std)
            loss = negative_elbo(painted, x, mean, log_variance)
            loss.backward()
            total += loss.item()
            optimiser.step()

    @torch.no_grad()
    def loss(images: Tensor, eps: Tensor) -> float:
        mean, log_variance = network.encode(images)
        painted = network.decode(mean + eps * torch.exp(0.5 * log_variance))
        return negative_elbo(painted, images, mean, log_variance).item() / len(images)

    return Contender(train, loss, 128)


def keras_jax(seed: int = 0, activation: str = "relu", batch: int = 128) -> Contender:
    """Keras 3 on JAX, compiled: the network, batch and Adam of PyTorch's example, trained by `fit` on arrays.

    Raises:
        ImportError: Keras or JAX is not installed, or Keras was imported with another backend.
    """
    if find_spec("jax") is None:
        raise ImportError("JAX is not installed.")
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    from keras import layers, ops

    if keras.backend.backend() != "jax":
        raise ImportError("Keras runs on another backend already.")
    keras.utils.set_random_seed(seed)

    class Draw(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seeds = keras.random.SeedGenerator(seed)

        def call(self, pair):
            mean, log_variance = pair
            self.add_loss(-0.5 * ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance)) / batch)
            return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.seeds)

    x = keras.Input((784,))
    hidden = layers.Dense(400, activation)(x)
    mean, log_variance = layers.Dense(2)(hidden), layers.Dense(2)(hidden)
    logits = layers.Dense(784)(layers.Dense(400, activation)(Draw()([mean, log_variance])))
    model, encoder = keras.Model(x, logits), keras.Model(x, [mean, log_variance])

    def nats(images, logits):
        return ops.sum(keras.losses.binary_crossentropy(images[..., None], logits[..., None], from_logits=True), -1)

    model.compile(keras.optimizers.Adam(1e-3), nats)
    images = np.array(load_dataset("mnist").train_images).reshape(-1, 784).astype(np.float32) / 255

    def train(steps: int) -> None:
        part = images[: steps * batch]
        model.fit(part, part, batch_size=batch, epochs=1, verbose=0)

    def loss(test: Tensor, eps: Tensor) -> float:
        mean, log_variance = (torch.from_numpy(np.array(part)) for part in encoder.predict(test.numpy(), verbose=0))
        z = mean + eps * torch.exp(0.5 * log_variance)
        decoder = keras.Sequential(model.layers[-2:])
        painted = torch.from_numpy(np.array(decoder(z.numpy()))).sigmoid()
        return negative_elbo(painted, test, mean, log_variance).item() / len(test)

    return Contender(train, loss, batch)


def pythae(seed: int = 0, activation: str | None = None) -> Contender:
    """pythae's BaseTrainer. With an activation: network, batch and Adam of PyTorch's example;
    without: its own default network, with optimiser and batch of the first example in its README.

    Raises:
        ImportError: it is not installed.
    """
    with contextlib.redirect_stderr(io.StringIO()):  # its log handlers keep the stream of the import
        from pythae.data.datasets import BaseDataset
        from pythae.models import VAE, VAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder
        from pythae.trainers import BaseTrainer, BaseTrainerConfig
    logging.disable(logging.INFO)
    torch.manual_seed(seed)
    own = activation is None
    network = None if own else Network(activation)

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> ModelOutput:
            mean, log_variance = self.network.encode(x.view(-1, 784))
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.network.decode(z).view(-1, 1, 28, 28))

    data = load_dataset("mnist")
    images = torch.from_numpy(np.array(data.train_images)).view(-1, 1, 28, 28).float() / 255
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=2, reconstruction_loss="bce")
    model = VAE(config) if own else VAE(config, Encoder(), Decoder())
    settings = BaseTrainerConfig(
        seed=seed,
        learning_rate=1e-3,
        per_device_train_batch_size=200 if own else 128,
        optimizer_cls="AdamW" if own else "Adam",
        optimizer_params={"weight_decay": 0.05, "betas": (0.91, 0.995)} if own else None,
    )
    trainer = BaseTrainer(model, BaseDataset(images, torch.from_numpy(np.array(data.train_labels))), None, settings)
    with tempfile.TemporaryDirectory() as settings.output_dir:  # it makes folders; nothing is written
        trainer.prepare_training()
    trainer.train_loader = Batches(trainer.train_loader)

    def train(steps: int) -> None:
        trainer.train_loader.n = steps
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            trainer.train_step(epoch=1)
            trainer.callback_handler.on_epoch_end(training_config=settings)

    @torch.no_grad()
    def loss(images: Tensor, eps: Tensor) -> float:
        q = model.eval().encoder(images.view(-1, 1, 28, 28))
        painted = model.decoder(q.embedding + eps * torch.exp(0.5 * q.log_covariance)).reconstruction
        return negative_elbo(painted.view(-1, 784), images, q.embedding, q.log_covariance).item() / len(images)

    return Contender(train, loss, settings.per_device_train_batch_size)


PEERS = {"PyTorch's VAE example": pytorch_example, "Keras 3 on JAX": keras_jax, "pythae 0.1.2": pythae}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="a few steps: only to see that it works")
    options = parser.parse_args()
    steps = 5 if options.quick else options.steps
    images = torch.from_numpy(np.array(load_dataset("mnist").test_images[:1000])).view(-1, 784).float() / 255
    eps = torch.randn(len(images), 2, generator=torch.Generator().manual_seed(0))
    print("| | ms a step | -ELBO after these steps |\n|---|---|---|")
    for name, make in PEERS.items():
        try:
            peer = make()
        except ImportError as missing:
            print(f"| {name} | not measured: {missing} | |")
            continue
        peer.train(2)
        start = time.perf_counter()
        peer.train(steps)
        took = time.perf_counter() - start
        print(f"| {name} | {1000 * took / steps:.2f} | {peer.loss(images, eps):.1f} |", flush=True)


if __name__ == "__main__":
    main()
