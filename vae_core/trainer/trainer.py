"""Trainer: one run's networks, its optimiser and its step."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from vae_core.data import load_dataset
from vae_core.rule import LATENT, Batch, Latent, Rule, Setting
from vae_core.rules import discover
from vae_core.run.frame import Frame
from vae_core.run.recipe import Event, Recipe, RecipeError, parse_knobs, unknown
from vae_core.run.widths import wider
from vae_core.trainer.adam import Adam, rate_at
from vae_core.trainer.batches import TrainingSet
from vae_core.trainer.likelihood import Reconstruction, likelihood
from vae_core.trainer.losses import losses
from vae_core.trainer.networks import Decoder, Encoder, Ensemble, bfloat16_is_faster
from vae_core.trainer.picture import picture
from vae_core.trainer.pixels import PIXELS, as_seen, grey
from vae_core.trainer.random_streams import stream
from vae_core.trainer.shown_images import points_of
from vae_core.trainer.state import State


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
        self.nats, self.gradient = likelihood(recipe.likelihood, recipe.deviation)
        self._build_networks()
        self._use(recipe.rule, recipe.noise, parse_knobs(recipe.rule, recipe.knobs))
        self._trained_with = self.settings

    # -- networks and rule -------------------------------------------------------------------

    def _build_networks(self) -> None:
        recipe = self.recipe
        shape = wider(recipe.hidden) if recipe.wider else recipe.hidden, recipe.activation, recipe.seed
        self.encoder: Encoder | Ensemble = (
            Encoder(*shape) if recipe.encoders == 1 else Ensemble(recipe.encoders, *shape)
        )
        self.decoder = Decoder(recipe.hidden, recipe.activation, recipe.seed, self.training_set.mean_image)
        self._rules: dict[str, Rule] = {}  # those that have been in use
        self._parts = nn.ModuleDict()  # the same, as parts of the networks
        networks = {"encoder": self.encoder, "decoder": self.decoder, "rules": self._parts}
        self.networks = nn.ModuleDict(networks).to(self.device)
        self.optimiser = Adam()

    def _use(self, rule: str, noise: float, knobs: Any) -> None:
        """Take a rule into use; its heads and parts are made when it is first used."""
        if rule not in self._rules:
            recipe = self.recipe
            setting = Setting(
                train_size=len(self.training_set.images),
                images=grey(self.training_set.images[:1000]).cpu(),
                encoder=lambda name: Encoder(recipe.hidden, recipe.activation, recipe.seed, name),
                generator=lambda name: stream(recipe.seed, name),
                all_images=self.training_set.images,
            )
            self._rules[rule] = self._parts[rule] = discover()[rule](setting).to(self.device)
            self.encoder.add_heads(discover()[rule].heads)
        self._rules[rule].prepare(knobs)
        self.rule, self.rule_name, self.noise, self.knobs = self._rules[rule], rule, noise, knobs
        self.parameters = {n: p for n, p in self.networks.named_parameters() if p.requires_grad}
        self._trunks = [module for module in self.networks.modules() if isinstance(module, Encoder | Decoder)]

    @property
    def rules(self) -> list[str]:
        """Names of the rules that have been in use; each has parts among the networks."""
        return list(self._rules)

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
            words.append({0.0: "noise off", 1.0: "noise on"}.get(self.noise, f"noise {self.noise:.2g}"))
        return words

    @property
    def settings(self) -> tuple[str, float, Any]:
        """Rule, noise and knobs that the next step trains with."""
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
            self._trained_with = self.settings
        self.rule.train()
        self._fast(True)
        for _ in range(steps):
            batch, eps = self.training_set.batch(self.step_count)
            pixels = self.training_set.pixels(batch, self.product)
            latent = self.latent(self.encoder(pixels), eps, batch)
            logits = self.decoder(latent.z)
            reconstruction = Reconstruction.apply(logits, self.gradient(logits.detach(), pixels))
            charged = [p.mean() for p in latent.penalty.values() if p.requires_grad]
            torch.autograd.backward([reconstruction, *charged])
            self.optimiser.step(self.parameters, rate_at(self.step_count, self.recipe.learning_rate))
            self.step_count += 1

    # -- looking -----------------------------------------------------------------------------

    def latent(self, heads: dict[str, Tensor], eps: Tensor, batch: Batch) -> Latent:
        """What the present rule makes of the encoder's outputs, with its knobs and the noise switch.

        Args:
            heads: name -> (B, width), as the encoder gives them.
            eps: (B, 2) draws of N(0, I), not yet scaled by the switch.
            batch: the images.
        """
        return self.rule(heads, self.noise * eps, self.knobs, batch)

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
        latent = self.latent(self.encoder(pixels), eps, Batch(pixels, self.training_set.find(raw), eps))
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
        return self.losses(self.encoder(images), eps, batch)

    def losses(self, heads: dict[str, Tensor], eps: Tensor, batch: Batch) -> dict[str, float | None]:
        """Metrics of a batch from the encoder's outputs, see `latent`; nats per image, None where not defined."""
        return losses(self.latent(heads, eps, batch), eps, lambda z: self.nats(self.decoder(z), batch.images))

    def frame(self) -> Frame:
        """The run as it is now.

        Raises:
            Diverged: a metric is no longer finite.
        """
        return picture(self)

    # -- saving ------------------------------------------------------------------------------

    def state(self) -> bytes:
        """All that is needed to go on, as bytes."""
        return State(
            recipe=self.recipe,
            events=self.events,
            step=self.step_count,
            rule=self.rule_name,
            noise=self.noise,
            knobs=self.knobs.model_dump(),
            trained_with=(*self._trained_with[:2], self._trained_with[2].model_dump()),
            rules=self.rules,
            points=len(self.points.labels),
            networks=self.networks.state_dict(),
            moments=self.optimiser.moments,
        ).packed()

    @classmethod
    def from_state(cls, state: bytes, device: str = "auto") -> "Trainer":
        """The trainer that `state` came from, to the bit.

        Raises:
            ValueError: the bytes are not a whole saved trainer.
        """
        try:
            saved = State.unpacked(state)
            trainer = cls(saved.recipe, device, saved.points)
            trainer._restore(saved)
        except RecipeError:
            raise
        except Exception as error:
            raise ValueError(f"These bytes are not a whole saved trainer ({type(error).__name__}: {error}).") from None
        return trainer

    def _restore(self, saved: State) -> None:
        for rule in saved.rules:
            self._use(rule, 1.0, parse_knobs(rule))
        self._use(saved.rule, saved.noise, parse_knobs(saved.rule, saved.knobs))
        self.networks.load_state_dict(saved.networks)
        self.optimiser.moments = {
            name: (first.to(self.device), second.to(self.device), steps.to(self.device))
            for name, (first, second, steps) in saved.moments.items()
        }
        self.step_count, self.events = saved.step, saved.events
        rule, noise, knobs = saved.trained_with
        self._trained_with = rule, noise, parse_knobs(rule, knobs)


def pick_device(device: str) -> str:
    """ "auto" is CUDA where there is one."""
    if device not in ("auto", "cpu", "cuda"):
        raise unknown("device", device, ("auto", "cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError("No CUDA device was found. Use the device 'cpu' or 'auto'.")
    return device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
