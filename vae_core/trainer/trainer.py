"""Trainer: one run's networks, its optimiser and its step."""

import io
import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from vae_core.data.datasets import load_dataset
from vae_core.rule import LATENT, Batch, Latent, Rule, Setting
from vae_core.rules import discover
from vae_core.run.frame import Frame
from vae_core.run.recipe import Event, Recipe, RecipeError, parse_knobs
from vae_core.run.widths import wider
from vae_core.trainer.adam import Adam, rate_at
from vae_core.trainer.batches import PRIOR_SAMPLES, PROBE, REPEATS, TrainingSet, as_seen, grey, points_of
from vae_core.trainer.losses import losses
from vae_core.trainer.networks import PIXELS, Decoder, Encoder, Ensemble, bfloat16_is_faster, likelihood, stream


class Diverged(RuntimeError):
    """The loss is no longer a number. The trainer stays where it was; earlier frames are sound."""


class Trainer:
    """Trains one run. Same recipe and switches at the same steps: same bits, on the same hardware.

    Args:
        recipe: what to train.
        device: "cpu", "cuda", or "auto" (CUDA where there is one).
        points: number of test images that frames show, at most as many as there are.
    """

    def __init__(self, recipe: Recipe, device: str = "auto", points: int = 2000) -> None:
        self.recipe = recipe
        self.device = torch.device(pick_device(device))
        self.dataset = load_dataset(recipe.dataset)  # digits, where MNIST was asked for and not found
        self.training_set = TrainingSet(recipe, self.dataset, self.device)
        self.points = points_of(self.dataset.name, points, recipe.pixels, self.device)
        self.chosen = self.points.strip[len(self.points.strip) // 2]  # the point that a user looks at
        self.step_count = 0
        self.events: list[Event] = []
        self.nats, self._gradient = likelihood(recipe.likelihood, recipe.deviation)
        self._build_networks()
        self._use(recipe.rule, recipe.noise, parse_knobs(recipe.rule, recipe.knobs))
        self._trained_with = self._settings()

    # -- networks and rule -------------------------------------------------------------------

    def _build_networks(self) -> None:
        recipe = self.recipe
        shape = wider(recipe.hidden) if recipe.wider else recipe.hidden, recipe.activation, recipe.seed
        self.networks = nn.ModuleDict(
            {
                "encoder": Encoder(*shape) if recipe.encoders == 1 else Ensemble(recipe.encoders, *shape),
                "decoder": Decoder(recipe.hidden, recipe.activation, recipe.seed, self.training_set.mean_image),
                "rules": nn.ModuleDict(),
            }
        ).to(self.device)
        self.optimiser = Adam()

    def _use(self, rule: str, noise: float, knobs: Any) -> None:
        """Take a rule into use; its heads and parts are made when it is first used."""
        made: nn.ModuleDict = self.networks["rules"]
        if rule not in made:
            recipe = self.recipe
            setting = Setting(
                train_size=len(self.training_set.images),
                images=grey(self.training_set.images[:1000]).cpu(),
                encoder=lambda name: Encoder(recipe.hidden, recipe.activation, recipe.seed, name),
                generator=lambda name: stream(recipe.seed, name),
                all_images=self.training_set.images,
            )
            made[rule] = discover()[rule](setting).to(self.device)
            self.encoder.add_heads(discover()[rule].heads)
        made[rule].prepare(knobs)
        self.rule_name, self.noise, self.knobs = rule, noise, knobs
        self._parameters = {n: p for n, p in self.networks.named_parameters() if p.requires_grad}
        self._trunks = [module for module in self.networks.modules() if isinstance(module, Encoder | Decoder)]

    @property
    def encoder(self) -> Encoder | Ensemble:
        return self.networks["encoder"]

    @property
    def decoder(self) -> Decoder:
        return self.networks["decoder"]

    @property
    def rule(self) -> Rule:
        return self.networks["rules"][self.rule_name]

    def switch(self, rule: str | None = None, noise: float | None = None, knobs: dict[str, Any] | None = None) -> Event:
        """Change rule, noise or knobs from the next step on; what is left out stays.

        With a new rule, knobs that are not given start at that rule's defaults.

        Raises:
            RecipeError: an unknown rule or knob, or a value out of range; nothing changes.
            ValueError: the rule cannot use what its knobs name (a table, say); nothing changes.
        """
        name = self.rule_name if rule is None else rule
        before = self.knobs.model_dump() if name == self.rule_name else {}
        parsed = parse_knobs(name, {**before, **(knobs or {})})
        noise = self.noise if noise is None else noise
        if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise <= 1:
            raise RecipeError(f"The noise switch should be a number from 0 to 1; it was {noise!r}.")
        self._use(name, float(noise), parsed)
        words = self._changes()
        event = Event(
            step=self.step_count, rule=name, noise=self.noise, knobs=parsed.model_dump(), label=", ".join(words)
        )
        if self.events and self.events[-1].step == self.step_count:
            self.events.pop()  # nothing was trained under it
        if words:
            self.events.append(event)
        return event

    def _changes(self) -> list[str]:
        """What differs from the settings of the last trained step, in words."""
        rule, noise, knobs = self._trained_with
        words = []
        if self.rule_name != rule:
            words.append(discover()[self.rule_name].title)
        else:
            for name, field in type(knobs).model_fields.items():
                value = getattr(self.knobs, name)
                if value != getattr(knobs, name):
                    looks = field.json_schema_extra
                    shown = f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
                    words.append(f"{looks['symbol']} = {shown}")
        if self.noise != noise:
            words.append({0: "noise off", 1: "noise on"}.get(self.noise, f"noise {self.noise:.2g}"))
        return words

    def _settings(self) -> tuple[str, float, Any]:
        return self.rule_name, self.noise, self.knobs

    def _fast(self, fast: bool) -> None:
        """Products in bfloat16 where that is faster, or exactly in float32."""
        for trunk in self._trunks:
            trunk.fast = fast and self.product == torch.bfloat16

    @property
    def product(self) -> torch.dtype:
        """The type in which training multiplies."""
        return torch.bfloat16 if bfloat16_is_faster(self.device) else torch.float32

    def at_rest(self, exact: bool = True) -> None:
        """Make the networks ready to be looked at: the rule, which alone has modes, in that of evaluation; products
        exactly in float32, or as training has them."""
        self.rule.eval()
        self._fast(not exact)

    # -- training ----------------------------------------------------------------------------

    def advance(self, steps: int) -> Frame:
        """Train for some steps and return the frame at the last one.

        Raises:
            Diverged: the loss or a weight is no longer finite.
        """
        self.train(steps)
        return self.frame()

    def train(self, steps: int) -> None:
        """Train for some steps."""
        if steps:
            self._trained_with = self._settings()
        self.rule.train()
        self._fast(True)
        for _ in range(steps):
            batch, eps = self.training_set.batch(self.step_count)
            pixels = self.training_set.pixels(batch, self.product)
            latent = self._latent(self.encoder(pixels), eps, batch)
            logits = self.decoder(latent.z)
            reconstruction = Reconstruction.apply(logits, self._gradient(logits.detach(), pixels))
            charged = [p.mean() for p in latent.penalty.values() if p.requires_grad]
            torch.autograd.backward([reconstruction, *charged])
            self.optimiser.step(self._parameters, rate_at(self.step_count, self.recipe.learning_rate))
            self.step_count += 1

    def _latent(self, heads: dict[str, Tensor], eps: Tensor, batch: Batch) -> Latent:
        return self.rule(heads, self.noise * eps, self.knobs, batch)

    # -- looking -----------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, images: np.ndarray | Tensor, eps: np.ndarray | Tensor | None = None) -> Latent:
        """Encode images under the present rule, noise switch and knobs.

        A training image is recognised, so that rules with one vector per training image use its
        own vector.

        Args:
            images: (n, 28, 28) or (n, 784); uint8 0..255, or float in [0, 1].
            eps: (n, 2) the draws of N(0, I); fresh ones if left out.

        Returns:
            Latent with tensors on the CPU, (n, 2) each.
        """
        pixels, raw = self.as_pixels(images)
        eps = torch.randn(len(pixels), LATENT) if eps is None else torch.as_tensor(eps, dtype=torch.float32)
        self.at_rest()
        eps = eps.to(self.device)
        latent = self._latent(self.encoder(pixels), eps, Batch(pixels, self.training_set.find(raw), eps))
        posterior = latent.posterior
        if isinstance(posterior, Normal):
            posterior = Normal(posterior.mean.cpu(), posterior.stddev.cpu(), validate_args=False)
        elif isinstance(posterior, MultivariateNormal):
            lower = posterior.scale_tril.cpu()
            posterior = MultivariateNormal(posterior.mean.cpu(), scale_tril=lower, validate_args=False)
        penalty = {name: value.cpu() for name, value in latent.penalty.items()}
        return Latent(latent.z.cpu(), latent.mean.cpu(), posterior, penalty)

    @torch.no_grad()
    def decode(self, z: np.ndarray | Tensor) -> Tensor:
        """Decode codes (n, 2) to (n, 28, 28) probabilities of ink, on the CPU."""
        self.at_rest()
        z = torch.as_tensor(z, dtype=torch.float32).reshape(-1, LATENT).to(self.device)
        return self.decoder(z).sigmoid().view(-1, 28, 28).cpu()

    def as_pixels(self, images: np.ndarray | Tensor) -> tuple[Tensor, np.ndarray]:
        """Images, see `encode`, as the networks see them: (n, 784) float on the trainer's device, binarized
        where the recipe says so, and (n, 784) uint8."""
        images = torch.as_tensor(images if isinstance(images, Tensor) else np.array(images))
        pixels = images.reshape(-1, PIXELS)
        raw = pixels if pixels.dtype == torch.uint8 else (pixels * 255).round().clamp(0, 255).to(torch.uint8)
        if self.recipe.pixels == "binarized":
            raw = pixels = as_seen(raw, self.recipe.pixels)
        pixels = grey(pixels) if pixels.dtype == torch.uint8 else pixels.float()
        return pixels.to(self.device), raw.cpu().numpy()

    @torch.no_grad()
    def measure(self, images: Tensor, eps: Tensor) -> dict[str, float | None]:
        """Metrics of unseen images, see `Frame`; the ELBO is defined only where z is drawn from
        the posterior that the KL is charged for.

        Args:
            images: (n, 784) float on the trainer's device; binarized first where the recipe says so.
            eps: (n, 2).
        """
        self.at_rest()
        images, _ = self.as_pixels(images)
        batch = Batch(images, torch.full((len(images),), -1, device=self.device), eps)
        return self._losses(batch, eps, self.encoder(images))

    def _losses(self, batch: Batch, eps: Tensor, heads: dict[str, Tensor]) -> dict[str, float | None]:
        return losses(self._latent(heads, eps, batch), eps, lambda z: self.nats(self.decoder(z), batch.images))

    @torch.no_grad()
    def frame(self) -> Frame:
        """The run as it is now.

        Raises:
            Diverged: a metric is no longer finite.
        """
        strip = (*self.points.strip, self.chosen)
        self.at_rest(exact=False)
        all_heads = self.encoder(self.points.pixels(self.product))
        self.at_rest()
        if self.product == torch.bfloat16:  # what is measured or painted is computed exactly
            exact = torch.tensor([*range(min(PROBE, len(self.points.labels))), *strip], device=self.device)
            for name, head in self.encoder(self.points.images[exact]).items():
                all_heads[name][exact] = head
        batch = self.points.batch()
        latent = self._latent(all_heads, self.points.eps, batch)
        probe, eps = self.points.batch(slice(PROBE)), self.points.eps[:PROBE]
        metrics = self._losses(probe, eps, {n: h[:PROBE] for n, h in all_heads.items()})
        seen = self.training_set.sample()
        of_seen = self._latent(self.encoder(seen.images), seen.draws, seen)
        metrics["reconstruction_seen"] = self.nats(self.decoder(of_seen.z), seen.images).mean().item()
        if not all(math.isfinite(value) for value in metrics.values() if value is not None):
            raise Diverged(
                f"The loss is no longer a number at step {self.step_count:,}. "
                f"The learning rate {self.recipe.learning_rate:g} may be too high: start again with a lower one."
            )
        chosen = torch.tensor(strip, device=self.device).repeat_interleave(REPEATS)
        repeats = self._latent(
            {n: h[chosen] for n, h in all_heads.items()},
            self.points.repeat_eps.repeat(len(strip), 1),
            self.points.batch(chosen),
        ).z.view(len(strip), REPEATS, LATENT)
        spread = self.decoder(repeats[-1]).sigmoid().std(0, correction=0)
        index = list(strip)
        prior_z = self.rule.from_prior(self.points.prior_z, self.knobs)
        painted = torch.cat([latent.mean[index], latent.z[index], prior_z])
        at_mean, at_draw, prior = as_bytes(self.decoder(painted)).split([len(strip), len(strip), PRIOR_SAMPLES])
        weights = [t for layer in self.decoder.layers for t in (layer.weight, layer.bias)]
        return Frame(
            step=self.step_count,
            epoch=round(self.step_count / self.training_set.steps_per_epoch, 4),
            rule=self.rule_name,
            noise=self.noise,
            knobs=self.knobs.model_dump(),
            metrics=metrics,
            strip=strip,
            activation=self.recipe.activation,
            mean=latent.mean.cpu().numpy(),
            z=latent.z.cpu().numpy(),
            scale=None if latent.scale is None else latent.scale.cpu().numpy(),
            correlation=None if latent.correlation is None else latent.correlation.cpu().numpy(),
            facts={name: value.flatten().tolist() for name, value in self.rule.facts().items()},
            labels=self.points.labels,
            strip_at_mean=at_mean.cpu().numpy(),
            strip_at_draw=at_draw.cpu().numpy(),
            repeats=repeats.cpu().numpy(),
            uncertainty=(510 * spread).round().to(torch.uint8).view(28, 28).cpu().numpy(),
            prior_z=prior_z.cpu().numpy(),
            prior=prior.cpu().numpy(),
            decoder=tuple(w.to(torch.float16).cpu().numpy() for w in weights),
        )

    # -- saving ------------------------------------------------------------------------------

    def state(self) -> bytes:
        """All that is needed to go on, as bytes (numpy's npz; nothing in it is ever unpickled)."""
        arrays = {f"network/{name}": value for name, value in self.networks.state_dict().items()}
        for name, moments in self.optimiser.moments.items():
            arrays |= {f"adam/{part}/{name}": value for part, value in zip("mvt", moments)}
        about = {
            "recipe": self.recipe.model_dump(),
            "events": [event.model_dump() for event in self.events],
            "step": self.step_count,
            "rule": self.rule_name,
            "noise": self.noise,
            "knobs": self.knobs.model_dump(),
            "trained_with": [self._trained_with[0], self._trained_with[1], self._trained_with[2].model_dump()],
            "rules": list(self.networks["rules"]),
            "points": len(self.points.labels),
        }
        buffer = io.BytesIO()
        np.savez(buffer, about=np.array(json.dumps(about)), **{n: a.cpu().numpy() for n, a in arrays.items()})
        return buffer.getvalue()

    @classmethod
    def from_state(cls, state: bytes, device: str = "auto") -> "Trainer":
        """The trainer that `state` came from, to the bit.

        Raises:
            ValueError: the bytes are not a whole saved trainer.
        """
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            about = json.loads(str(arrays.pop("about")))
            trainer = cls(Recipe(**about["recipe"]), device, about["points"])
            for rule in about["rules"]:
                trainer._use(rule, 1.0, parse_knobs(rule))
            trainer._use(about["rule"], about["noise"], parse_knobs(about["rule"], about["knobs"]))
            tensors = {name: torch.from_numpy(a).to(trainer.device) for name, a in arrays.items()}
            trainer.networks.load_state_dict(
                {n.removeprefix("network/"): t for n, t in tensors.items() if n.startswith("network/")}
            )
            names = [n.removeprefix("adam/m/") for n in tensors if n.startswith("adam/m/")]
            trainer.optimiser.moments = {n: tuple(tensors[f"adam/{part}/{n}"] for part in "mvt") for n in names}
            trainer.step_count = about["step"]
            rule, noise, knobs = about["trained_with"]
            trainer._trained_with = rule, noise, parse_knobs(rule, knobs)
            trainer.events = [Event(**event) for event in about["events"]]
        except RecipeError:
            raise
        except Exception as error:
            raise ValueError(f"These bytes are not a whole saved trainer ({type(error).__name__}: {error}).") from None
        return trainer


class Reconstruction(torch.autograd.Function):
    """Stands for the batch's mean −log p(x|z) by its gradient alone: the value, which nobody reads while a run
    trains, would cost a sixth of the step. (Gradients given to `backward` make torch import sympy.)"""

    @staticmethod
    def forward(ctx, logits: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return gradient.new_zeros(())

    @staticmethod
    def backward(ctx, one: Tensor) -> tuple[Tensor, None]:
        return ctx.gradient, None


def replay(recipe: Recipe, events: Iterable[Event], step: int, start: Trainer | None = None, **options: Any) -> Trainer:
    """The trainer as it was at a step: the recipe trained again with the same events.

    Args:
        start: a trainer of the same run at an earlier step, to go on from (it is used up).
        options: passed to `Trainer`.
    """
    trainer = start or Trainer(recipe, **options)
    # Those that a start has already been through are in its own list.
    for event in list(events)[len(trainer.events) :]:
        if event.step > step:
            break
        trainer.train(event.step - trainer.step_count)
        trainer.switch(event.rule, event.noise, event.knobs)
    trainer.train(step - trainer.step_count)
    return trainer


def pick_device(device: str) -> str:
    """ "auto" is CUDA where there is one."""
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"Unknown device {device!r}. Valid: auto, cpu, cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("No CUDA device was found. Use device='cpu' or 'auto'.")
    return device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def as_bytes(logits: Tensor) -> Tensor:
    """(n, 784) logits -> (n, 28, 28) uint8 of their probabilities."""
    return (logits.sigmoid() * 255).round().to(torch.uint8).view(-1, 28, 28)
