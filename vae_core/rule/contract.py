"""What a latent rule is: how a point z of the plane is made, and what is charged for it.

A rule is one class in one file of ``vae_core/rules``. Put a file there and the rule is in
the picker, in the URL, in the recordings and in the contract tests; nothing is registered.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal

LATENT = 2  # the plane: every picture and every exact integral of the app relies on it


@dataclass(frozen=True)
class Latent:
    """What a rule makes of one batch.

    Attributes:
        z: (B, 2) the codes that the decoder sees.
        mean: (B, 2) the codes without noise (ε = 0).
        posterior: q(z|x), batch shape (B, 2), or None where the rule has none.
        penalty: name -> (B,) what is added to the loss for each image, in nats.
    """

    z: Tensor
    mean: Tensor
    posterior: Distribution | None = None
    penalty: dict[str, Tensor] = field(default_factory=dict)

    @property
    def scale(self) -> Tensor | None:
        """(B, 2) standard deviation of the posterior, or None where there is none."""
        return None if self.posterior is None else self.posterior.stddev

    @property
    def correlation(self) -> Tensor | None:
        """(B,) correlation of the posterior, or None where it has none."""
        if not isinstance(self.posterior, MultivariateNormal):
            return None
        lower = self.posterior.scale_tril
        return lower[:, 1, 0] / lower[:, 1].norm(dim=1)


@dataclass(frozen=True)
class Batch:
    """The images of one step.

    Attributes:
        images: (B, 784) float in [0, 1].
        rows: (B,) int64, the row of each image among the training images; -1 for unseen ones.
        draws: (B, 2) draws of N(0, I), whatever the noise switch; for rules that compare with the prior.
    """

    images: Tensor
    rows: Tensor
    draws: Tensor


@dataclass(frozen=True)
class Setting:
    """What a rule may need to build parts of its own.

    Attributes:
        train_size: number of training images of the run.
        images: (n, 784) float in [0, 1], up to 1,000 training images, to standardise by.
        all_images: (train_size, 784) all training images, as the run keeps them (uint8, on its
            device), or None where a rule is tried without a run.
        encoder: makes a further encoder like the run's own, from a random stream of the
            given name.
        generator: a random stream of the given name; the run's other streams do not notice.
    """

    train_size: int
    images: Tensor
    encoder: Callable[[str], nn.Module]
    generator: Callable[[str], torch.Generator]
    all_images: Tensor | None = None


class Rule(nn.Module):
    """One way of making z. Subclasses are final: they fill in the lines below and `forward`.

    A rule that needs parts of its own (a second encoder, a table) builds them in
    ``__init__(self, setting)``.
    """

    title: ClassVar[str]
    question: ClassVar[str]  # in a student's words
    formula: ClassVar[str]  # LaTeX, z = ...
    charged: ClassVar[str]  # LaTeX, what is added to the reconstruction
    why: ClassVar[str]  # why that is charged
    source: ClassVar[str]
    noise_off: ClassVar[str] = ""  # what the screen says while ε is not added; "" = no noise
    noise_when: ClassVar[dict[str, tuple[Any, ...]]] = {}  # a knob's name -> its values with which ε is used at all
    undefined: ClassVar[str] = ""  # what cannot be asked of this rule, and why
    # What of the posterior the encoder may choose for each image: "diagonal" or "full" covariance, "mean" alone,
    # "nothing"; None is what the posterior's own type says.
    free: ClassVar[str | None] = None
    heads: ClassVar[dict[str, int]] = {"mean": LATENT}  # encoder outputs: name -> width

    class Knobs(BaseModel):
        """Settings of a rule that may change while a run trains. A rule that has any extends it."""

        model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, setting: Setting) -> None:
        super().__init__()

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Any, batch: Batch) -> Latent:
        """Make z.

        Args:
            heads: name -> (B, width) float32, as declared in ``heads``.
            eps: (B, 2) draws of N(0, I), already scaled by the noise switch.
            knobs: a ``Knobs`` of this rule.
            batch: the images, for rules that look at more than the heads.
        """
        raise NotImplementedError

    def prepare(self, knobs: Any) -> None:
        """Fetch what the knobs name (a user's file, say), before they are taken into use.

        Raises:
            ValueError: in one sentence, if that cannot be; the run keeps its old knobs.
        """

    def from_prior(self, draws: Tensor, knobs: Any) -> Tensor:
        """(m, 2) what is decoded for draws of N(0, I); the draws themselves but for flows."""
        return draws

    def log_density(self, z: Tensor, knobs: Any) -> Tensor:
        """(B,) log-density in nats, at places (B, 2), of what `from_prior` makes; for rules that make it differ."""
        raise NotImplementedError

    def facts(self) -> dict[str, Tensor]:
        """Small tensors that the rule card shows: name -> (2,) or ()."""
        return {}


Knobs = Rule.Knobs


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Make a library's modules from a stream of our own; torch's global stream does not notice."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        yield
