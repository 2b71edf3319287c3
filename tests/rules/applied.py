"""Rules without a run: built with small networks and applied to a batch."""

import torch

import vae_core
from vae_core.rule import Batch, Rule, Setting
from vae_core.run.catalogue import by_name, catalogue
from vae_core.run.recipe import parse_knobs
from vae_core.trainer.networks import Encoder
from vae_core.trainer.random_streams import stream

RULES = vae_core.rules()


def build(name: str) -> tuple[Rule, Encoder]:
    torch.manual_seed(0)
    setting = Setting(
        train_size=40,
        images=torch.rand(50, 784),
        encoder=lambda part: Encoder((16,), "silu", 0, part),
        generator=lambda part: stream(0, part),
    )
    encoder = Encoder((16,), "silu", 0)
    encoder.add_heads(RULES[name].heads)
    return RULES[name](setting), encoder


def make_batch(images, rows):
    return Batch(images, rows, torch.randn(len(rows), 2, generator=stream("draws")))


def apply(rule, encoder, knobs=None, eps=None, batch=None):
    batch = batch or make_batch(torch.rand(8, 784, generator=stream(1)), torch.arange(8))
    eps = torch.randn(len(batch.rows), 2, generator=stream(2)) if eps is None else eps
    name = next(n for n, kind in RULES.items() if isinstance(rule, kind))
    return rule(encoder(batch.images), eps, parse_knobs(name, knobs), batch)


def settings_of(name):
    """The defaults, and each choice of the knobs that offer some."""
    entry = by_name(catalogue())[name]
    choices = [(knob["name"], choice["value"]) for knob in entry["knobs"] for choice in knob["choices"]]
    return [{}, *({knob: value} for knob, value in choices)]
