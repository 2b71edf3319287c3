"""Our step once more, with forward and backward of both networks written by hand, to see what plain autograd costs.

It multiplies what `Trainer` multiplies, in the same type, with one flat vector of parameters, one of gradients and one
Adam; the latent rule and the two-wide heads stay with autograd. Where the plain form comes within 1.2 times of it, the
plain form is the simpler one to keep: ``python -m tests.benchmarks.training --only step_by_hand`` compares them, and
``python -m tests.benchmarks.by_hand`` tells whether both compute the same.
"""

import argparse

import numpy as np
import torch
from torch import Tensor

from tests.benchmarks.peers import Contender
from vae_core import Recipe, Trainer, load_dataset
from vae_core.trainer.adam import Adam, rate_at
from vae_core.trainer.likelihood import Reconstruction

BACKWARD = {  # gradient, what went into the activation, what came out of it
    "relu": lambda g, before, after: torch.ops.aten.threshold_backward(g, after, 0),
    "silu": lambda g, before, after: torch.ops.aten.silu_backward(g, before),
}


class Stack:
    """Linear layers with activations between them; gradients go straight into the flat vector.

    Args:
        layers: (weight, bias, gradient of the weight, gradient of the bias) of each, in the type of the products.
        last: whether an activation follows the last layer, too.
    """

    def __init__(self, layers: list[tuple[Tensor, ...]], trainer: Trainer, last: bool) -> None:
        self.layers, self.last = layers, last
        self.activation, self.derivative = trainer.encoder.activation, BACKWARD[trainer.recipe.activation]

    def forward(self, x: Tensor) -> Tensor:
        self.past = []
        for place, (weight, bias, _, _) in enumerate(self.layers):
            before = torch.addmm(bias, x, weight.t())
            active = self.last or place < len(self.layers) - 1
            after = self.activation(before) if active else before
            self.past.append((x, before, after, active))
            x = after
        return x

    def backward(self, g: Tensor, further: bool) -> Tensor:
        """The gradient for the input, if that is asked for."""
        for place in reversed(range(len(self.layers))):
            (weight, _, of_weight, of_bias), (x, before, after, active) = self.layers[place], self.past[place]
            g = self.derivative(g, before, after) if active else g
            torch.mm(g.t(), x, out=of_weight)
            torch.sum(g, 0, out=of_bias)
            if place or further:
                g = g @ weight
        return g


def by_hand(recipe: Recipe) -> Contender:
    """A contender that computes what the plain step does; the trainer's parameters are views of its vector."""
    trainer = Trainer(recipe, "cpu")
    hidden = [*trainer.encoder.layers, *trainer.decoder.layers[1:]]
    dense = [p for layer in hidden for p in (layer.weight, layer.bias)]
    rest = [p for p in trainer.parameters.values() if not any(p is q for q in dense)]
    size, products = sum(p.numel() for p in dense), trainer.product
    flat, gradient = (torch.zeros(size + sum(p.numel() for p in rest)) for _ in range(2))
    low, low_gradient = (torch.zeros(size, dtype=products) for _ in range(2))
    adam = Adam()
    views, place = [], 0
    for p in (*dense, *rest):
        span = slice(place, place := place + p.numel())
        flat[span] = p.data.flatten()
        p.data = flat[span].view(p.shape)
        if span.stop <= size:
            views.append((low[span].view(p.shape), low_gradient[span].view(p.shape)))
        else:
            p.grad = gradient[span].view(p.shape)
    low.copy_(flat[:size])
    layers = [(w, b, of_w, of_b) for (w, of_w), (b, of_b) in zip(views[::2], views[1::2], strict=True)]
    middle = len(trainer.encoder.layers)
    encoder, decoder = Stack(layers[:middle], trainer, last=True), Stack(layers[middle:], trainer, last=False)

    def step() -> None:
        batch, eps = trainer.training_set.batch(trainer.step_count)
        pixels = trainer.training_set.pixels(batch, products)
        with torch.no_grad():
            seen = encoder.forward(pixels).float()
        seen.requires_grad_()
        heads = {name: head(seen) for name, head in trainer.encoder.heads.items()}
        latent = trainer.latent(heads, eps, batch)
        entry = trainer.encoder.activation(trainer.decoder.layers[0](latent.z))
        with torch.no_grad():
            logits = decoder.forward(entry.to(products))
            g = decoder.backward(trainer.gradient(logits, pixels), further=True).float()
        charged = [p.mean() for p in latent.penalty.values() if p.requires_grad]
        torch.autograd.backward([Reconstruction.apply(entry, g), *charged])
        with torch.no_grad():
            encoder.backward(seen.grad.to(products), further=False)
            gradient[:size].copy_(low_gradient)
            flat.grad = gradient
            adam.step({"all": flat}, rate_at(trainer.step_count, recipe.learning_rate))
            low.copy_(flat[:size])
            gradient[size:].zero_()
        trainer.step_count += 1

    def train(steps: int) -> None:
        trainer.rule.train()
        for _ in range(steps):
            step()

    return Contender(train, lambda images, eps: -trainer.measure(images, eps)["elbo"], recipe.batch_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="a few steps: only to see that it works")
    options = parser.parse_args()
    steps = 5 if options.quick else options.steps
    recipe = Recipe(hidden=(400,), batch_size=128, activation="relu", learning_rate=1e-3)
    images = torch.from_numpy(np.array(load_dataset("mnist").test_images[:1000])).view(-1, 784).float() / 255
    eps = torch.randn(len(images), 2, generator=torch.Generator().manual_seed(0))
    trainer, hand = Trainer(recipe, "cpu"), by_hand(recipe)
    trainer.train(steps)
    hand.train(steps)
    plain, other = -trainer.measure(images, eps)["elbo"], hand.loss(images, eps)
    print(f"-ELBO after {steps} steps: {plain:.3f} plain, {other:.3f} by hand, {abs(plain - other):.3f} nats apart")


if __name__ == "__main__":
    main()
