"""What a latent rule is: how a point z of the plane is made, and what is charged for it.

A rule is one class in one file of ``vae_core/rules``. Put a file there and the rule is in
the picker, in the URL, in the recordings and in the contract tests; nothing is registered.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, MultivariateNormal, Normal

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


class Knobs(BaseModel):
    """Settings of a rule that may change while a run trains."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def knob(
    default: Any,
    *,
    symbol: str,
    title: str,
    help: str = "",
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    choices: dict[str, str] | None = None,
    when: dict[str, tuple[Any, ...]] | None = None,
) -> Any:
    """Declare a knob; the widget, the URL, the JSON and the table column come from this line.

    Args:
        low, high: the range; values outside are refused.
        log: the slider is logarithmic above ``high / 1000``.
        choices: value -> title, for knobs declared as a ``Literal``.
        when: another knob's name -> its values with which this one counts; else it is hidden.
    """
    looks = {"symbol": symbol, "help": help, "log": log, "choices": choices or {}, "when": when or {}}
    return Field(default, ge=low, le=high, title=title, json_schema_extra=looks)


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
    Knobs: ClassVar[type[Knobs]] = Knobs

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

    def facts(self) -> dict[str, Tensor]:
        """Small tensors that the rule card shows: name -> (2,) or ()."""
        return {}


def divergence(posterior: Distribution) -> Tensor:
    """(B,) KL(q(z|x) ‖ N(0, I)) in nats, of a `Normal` or `MultivariateNormal` posterior."""
    if isinstance(posterior, Normal):
        return kl_to_prior(posterior).sum(1)
    return FullKLToPrior.apply(posterior.loc, posterior.scale_tril)


def draw(posterior: Distribution, eps: Tensor) -> Tensor:
    """(B, 2) the draw of a Gaussian posterior that belongs to ε (B, 2)."""
    if isinstance(posterior, Normal):
        return posterior.mean + posterior.stddev * eps
    return posterior.mean + (posterior.scale_tril * eps.unsqueeze(1)).sum(2)


def kl_to_prior(posterior: Normal) -> Tensor:
    """(B, 2) KL(q(z|x) ‖ N(0, I)) of each dimension, in nats: ½ (μ² + σ² − 1) − log σ (Kingma & Welling 2014,
    app. B)."""
    return KLToPrior.apply(posterior.mean, posterior.stddev)


class KLToPrior(torch.autograd.Function):
    """Its derivatives are short, μ and σ − 1/σ; by autograd it would be the dearest part of a small step."""

    @staticmethod
    def forward(ctx, mean: Tensor, deviation: Tensor) -> Tensor:
        ctx.save_for_backward(mean, deviation)
        return mean.square().add_(deviation.square()).sub_(1).mul_(0.5).sub_(deviation.log())

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = ctx.saved_tensors
        return g * mean, (deviation - deviation.reciprocal()).mul_(g)


class FullKLToPrior(torch.autograd.Function):
    """The same for full covariance L Lᵀ, means (B, 2) and L (B, 2, 2) -> (B,): ½ (‖L‖² + ‖μ‖²) − 1 − log det L."""

    @staticmethod
    def forward(ctx, mean: Tensor, lower: Tensor) -> Tensor:
        diagonal = lower.diagonal(dim1=1, dim2=2)
        ctx.save_for_backward(mean, lower, diagonal)
        square = torch.cat([mean, lower.flatten(1)], 1).square_().sum(1)
        return square.sub_(LATENT).mul_(0.5).sub_(diagonal.log().sum(1))

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        mean, lower, diagonal = ctx.saved_tensors
        of_lower = lower.clone()
        of_lower.diagonal(dim1=1, dim2=2).sub_(diagonal.reciprocal())
        return g.unsqueeze(1) * mean, of_lower.mul_(g.view(-1, 1, 1))


def standard_normal(like: Tensor) -> Normal:
    """N(0, I) with the shape and device of ``like``."""
    zero = torch.zeros_like(like)
    return Normal(zero, zero + 1, validate_args=False)


def gaussian_log_density(z: Tensor) -> Tensor:
    """(B,) log N(z; 0, I) of places (B, 2), in nats."""
    return -0.5 * z.square().sum(1) - LATENT / 2 * math.log(2 * math.pi)


class Standardiser(nn.Module):
    """Shifts and scales codes by their running mean and deviation, which follow the training.

    Flows work near the origin; the codes of rules without a penalty lie far from it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(LATENT))
        self.register_buffer("deviation", torch.ones(LATENT))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 2) standardised codes and (B,) the logarithm of the map's determinant."""
        if self.training and len(z) > 1:
            with torch.no_grad():
                self.mean.lerp_(z.mean(0), 0.1)
                self.deviation.lerp_(z.std(0).clamp(min=1e-4), 0.1)
        ladj = -self.deviation.log().sum().expand(len(z))
        return (z - self.mean.clone()) / self.deviation.clone(), ladj

    def inverse(self, u: Tensor) -> Tensor:
        return self.mean + self.deviation * u


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Make a library's modules from a stream of our own; torch's global stream does not notice."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        yield
