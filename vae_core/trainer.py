"""Trainer: one run's networks, its optimiser and its step."""

import io
import json
import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.optim.adam import adam

from vae_core.data import load_dataset
from vae_core.frame import Frame
from vae_core.networks import PIXELS, Decoder, Encoder, bernoulli_nats, bfloat16_is_faster, stream
from vae_core.recipe import Event, Recipe, RecipeError, parse_knobs
from vae_core.rule import LATENT, Batch, Latent, Rule, Setting, kl_to_prior
from vae_core.rules import discover

BETAS, EPSILON = (0.9, 0.99), 1e-8
WARM_UP, DECAY = 50, 300  # steps; the rate falls like 1/√t, which suits a run without an end
PROBE = 500  # points whose reconstructions are measured
REPEATS, PRIOR_SAMPLES = 50, 20


class Diverged(RuntimeError):
    """The loss is no longer a number. The trainer stays where it was; earlier frames are sound."""


class Adam:
    """Adam (Kingma & Ba 2015, alg. 1) by torch's fused kernel, without `torch.optim.Adam`,
    whose constructor imports a compiler for a second. Parameters without a gradient rest."""

    def __init__(self) -> None:
        self.moments: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def step(self, parameters: dict[str, nn.Parameter], rate: float) -> None:
        used = {name: p for name, p in parameters.items() if p.grad is not None}
        for name, p in used.items():
            if name not in self.moments:
                count = torch.zeros((), device=p.device)
                self.moments[name] = (torch.zeros_like(p), torch.zeros_like(p), count)
        first, second, counts = map(list, zip(*(self.moments[name] for name in used)))
        values = list(used.values())
        grads = [p.grad for p in values]
        with torch.no_grad():
            adam(
                values, grads, first, second, [], counts,
                fused=True, amsgrad=False, beta1=BETAS[0], beta2=BETAS[1],
                lr=rate, weight_decay=0.0, eps=EPSILON, maximize=False,
            )  # fmt: skip
        for p in values:
            p.grad = None


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
        self.dataset = load_dataset(recipe.dataset)
        self.step_count = 0
        self.events: list[Event] = []
        self._load_images(points)
        self._build_networks()
        self._use(recipe.rule, recipe.noise, parse_knobs(recipe.rule, recipe.knobs))
        self._trained_with = self._settings()

    # -- what is trained on ------------------------------------------------------------------

    def _load_images(self, points: int) -> None:
        data, recipe = self.dataset, self.recipe  # digits, where MNIST was asked for and not found
        self.images, self.mean_image = training_images(data.name, self.device)
        rows = torch.arange(len(self.images))
        if recipe.train_size < len(rows):
            rows = torch.randperm(len(rows), generator=stream(recipe.seed, "subset"))[: recipe.train_size]
            self.images = self.images[rows.to(self.device)]
            self.mean_image = mean_image(self.images)
        self.train_rows = rows.numpy()  # row of each training image in the data set
        self.batch_size = min(recipe.batch_size, len(rows))
        self.steps_per_epoch = len(rows) // self.batch_size
        order = spread_by_ink(data.test_images, points)
        self.point_images = torch.from_numpy(np.array(data.test_images[order])).to(self.device).view(-1, PIXELS)
        self.labels = np.array(data.test_labels[order])
        # Of each class the image with the median ink: the probe is sorted by it.
        probe = self.labels[:PROBE]
        self.strip = tuple(
            int(rows[len(rows) // 2]) for c in np.unique(probe) if len(rows := np.flatnonzero(probe == c))
        )
        self.chosen = self.strip[len(self.strip) // 2]  # the point that a user looks at
        self.point_eps = self._normal(stream(0, "points/eps"), len(order))
        self.repeat_eps = self._normal(stream(0, "repeats/eps"), REPEATS)
        self.prior_z = self._normal(stream(0, "prior"), PRIOR_SAMPLES)
        self._rows_by_image: dict[bytes, int] | None = None
        self._epoch_drawn = -1

    def _normal(self, generator: torch.Generator, n: int) -> Tensor:
        return torch.randn(n, LATENT, generator=generator).to(self.device)

    def _batch(self) -> tuple[Batch, Tensor]:
        """Images and ε of the next step, from streams that depend on seed and step alone."""
        epoch, place = divmod(self.step_count, self.steps_per_epoch)
        if epoch != self._epoch_drawn:
            seed, size = self.recipe.seed, self.steps_per_epoch * self.batch_size
            order = torch.randperm(len(self.images), generator=stream(seed, "order", epoch))[:size]
            self._order = order.to(self.device).view(self.steps_per_epoch, -1)
            self._eps = self._normal(stream(seed, "noise", epoch), size).view(self.steps_per_epoch, -1, LATENT)
            self._epoch_drawn = epoch
        rows = self._order[place]
        return Batch(grey(self.images[rows]), rows), self._eps[place]

    # -- networks and rule -------------------------------------------------------------------

    def _build_networks(self) -> None:
        recipe = self.recipe
        self.networks = nn.ModuleDict(
            {
                "encoder": Encoder(recipe.hidden, recipe.activation, recipe.seed),
                "decoder": Decoder(recipe.hidden, recipe.activation, recipe.seed, self.mean_image),
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
                train_size=len(self.images),
                images=grey(self.images[:1000]).cpu(),
                encoder=lambda name: Encoder(recipe.hidden, recipe.activation, recipe.seed, name),
                generator=lambda name: stream(recipe.seed, name),
            )
            made[rule] = discover()[rule](setting).to(self.device)
            self.encoder.add_heads(discover()[rule].heads)
        self.rule_name, self.noise, self.knobs = rule, noise, knobs
        self._parameters = {n: p for n, p in self.networks.named_parameters() if p.requires_grad}

    @property
    def encoder(self) -> Encoder:
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
        for module in self.networks.modules():
            if isinstance(module, Encoder | Decoder):
                module.fast = fast and bfloat16_is_faster(self.device)

    def _look(self) -> None:
        self.networks.eval()
        self._fast(False)

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
        self.networks.train()
        self._fast(True)
        for _ in range(steps):
            batch, eps = self._batch()
            loss = self._loss(batch, eps)[0].mean()
            loss.backward()
            self.optimiser.step(self._parameters, self._rate())
            self.step_count += 1

    def _rate(self) -> float:
        step = self.step_count + 1
        return self.recipe.learning_rate * min(1.0, step / WARM_UP) / math.sqrt(1 + step / DECAY)

    def _loss(self, batch: Batch, eps: Tensor) -> tuple[Tensor, Tensor, Latent]:
        """(B,) objective, (B,) reconstruction at z, and the latent, all in nats."""
        latent = self._latent(self.encoder(batch.images), eps, batch)
        reconstruction = bernoulli_nats(self.decoder(latent.z), batch.images)
        return sum(latent.penalty.values(), reconstruction), reconstruction, latent

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
        pixels, raw = self._as_pixels(images)
        eps = torch.randn(len(pixels), LATENT) if eps is None else torch.as_tensor(eps, dtype=torch.float32)
        self._look()
        batch = Batch(pixels, self._rows_of(raw))
        latent = self._latent(self.encoder(pixels), eps.to(self.device), batch)
        posterior = latent.posterior
        if isinstance(posterior, Normal):
            posterior = Normal(posterior.mean.cpu(), posterior.stddev.cpu(), validate_args=False)
        penalty = {name: value.cpu() for name, value in latent.penalty.items()}
        return Latent(latent.z.cpu(), latent.mean.cpu(), posterior, penalty)

    @torch.no_grad()
    def decode(self, z: np.ndarray | Tensor) -> Tensor:
        """Decode codes (n, 2) to (n, 28, 28) probabilities of ink, on the CPU."""
        self._look()
        z = torch.as_tensor(z, dtype=torch.float32).reshape(-1, LATENT).to(self.device)
        return self.decoder(z).sigmoid().view(-1, 28, 28).cpu()

    def _as_pixels(self, images: np.ndarray | Tensor) -> tuple[Tensor, np.ndarray]:
        images = torch.as_tensor(images if isinstance(images, Tensor) else np.array(images))
        pixels = images.reshape(-1, PIXELS)
        raw = pixels if pixels.dtype == torch.uint8 else (pixels * 255).round().clamp(0, 255).to(torch.uint8)
        pixels = grey(pixels) if pixels.dtype == torch.uint8 else pixels.float()
        return pixels.to(self.device), raw.cpu().numpy()

    def _rows_of(self, raw: np.ndarray) -> Tensor:
        """(n,) the row of each image among the training images, -1 for the others."""
        if self._rows_by_image is None:
            self._rows_by_image = {image.tobytes(): i for i, image in enumerate(self.images.cpu().numpy())}
        rows = [self._rows_by_image.get(image.tobytes(), -1) for image in raw]
        return torch.tensor(rows, dtype=torch.long, device=self.device)

    @torch.no_grad()
    def measure(self, images: Tensor, eps: Tensor) -> dict[str, float | None]:
        """Metrics of unseen images, see `Frame`; the ELBO is defined only where z is drawn from
        the posterior that the KL is charged for.

        Args:
            images: (n, 784) float on the trainer's device.
            eps: (n, 2).
        """
        self._look()
        batch = Batch(images, torch.full((len(images),), -1, device=self.device))
        heads = self.encoder(images)
        return self._metrics(batch, eps, self._latent(heads, eps, batch))

    def _metrics(self, batch: Batch, eps: Tensor, latent: Latent) -> dict[str, float | None]:
        at_draw = bernoulli_nats(self.decoder(latent.z), batch.images).mean()
        at_mean = bernoulli_nats(self.decoder(latent.mean), batch.images).mean()
        values = {
            "reconstruction": at_draw,
            "reconstruction_at_mean": at_mean,
            "objective": at_draw + sum(p.mean() for p in latent.penalty.values()),
        }
        q = latent.posterior
        if isinstance(q, Normal):
            kl = kl_to_prior(q).mean(0)
            from_mean = 0.5 * q.mean.square().sum(1).mean()
            values |= {"kl": kl.sum(), "kl_1": kl[0], "kl_2": kl[1]}
            values |= {"kl_mean": from_mean, "kl_variance": kl.sum() - from_mean}
            if torch.allclose(latent.z, q.mean + q.stddev * eps, rtol=1e-4, atol=1e-6):
                values["elbo"] = -(at_draw + kl.sum())
        numbers = dict(zip(values, torch.stack([v.double() for v in values.values()]).tolist()))
        names = ("kl", "kl_1", "kl_2", "kl_mean", "kl_variance", "elbo")
        return {**dict.fromkeys(names), **numbers}

    @torch.no_grad()
    def frame(self) -> Frame:
        """The run as it is now.

        Raises:
            Diverged: a metric is no longer finite.
        """
        self._look()
        strip = (*self.strip, self.chosen)
        # What is measured or painted is computed exactly, the other dots as training computes them.
        exact = torch.tensor([*range(min(PROBE, len(self.labels))), *strip], device=self.device)
        heads = self.encoder(grey(self.point_images[exact]))
        self._fast(True)
        all_heads = self.encoder(grey(self.point_images))
        self._fast(False)
        for name, head in all_heads.items():
            head[exact] = heads[name]
        unseen = torch.full((len(self.labels),), -1, device=self.device)
        batch = Batch(grey(self.point_images), unseen)
        latent = self._latent(all_heads, self.point_eps, batch)
        metrics = self.measure(batch.images[:PROBE], self.point_eps[:PROBE])
        if not all(math.isfinite(value) for value in metrics.values() if value is not None):
            raise Diverged(
                f"The loss is no longer a number at step {self.step_count:,}. "
                f"The learning rate {self.recipe.learning_rate:g} may be too high: start again with a lower one."
            )
        chosen = torch.tensor(strip, device=self.device).repeat_interleave(REPEATS)
        repeats = self._latent(
            {n: h[chosen] for n, h in all_heads.items()},
            self.repeat_eps.repeat(len(strip), 1),
            Batch(batch.images[chosen], batch.rows[chosen]),
        ).z.view(len(strip), REPEATS, LATENT)
        index = list(strip)
        painted = torch.cat([latent.mean[index], latent.z[index], self.prior_z])
        at_mean, at_draw, prior = as_bytes(self.decoder(painted)).split([len(strip), len(strip), PRIOR_SAMPLES])
        weights = [t for layer in self.decoder.layers for t in (layer.weight, layer.bias)]
        return Frame(
            step=self.step_count,
            epoch=round(self.step_count / self.steps_per_epoch, 4),
            rule=self.rule_name,
            noise=self.noise,
            knobs=self.knobs.model_dump(),
            metrics=metrics,
            strip=strip,
            activation=self.recipe.activation,
            mean=latent.mean.cpu().numpy(),
            z=latent.z.cpu().numpy(),
            scale=None if latent.scale is None else latent.scale.cpu().numpy(),
            labels=self.labels,
            strip_at_mean=at_mean.cpu().numpy(),
            strip_at_draw=at_draw.cpu().numpy(),
            repeats=repeats.cpu().numpy(),
            prior_z=self.prior_z.cpu().numpy(),
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
            "points": len(self.labels),
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


@cache
def training_images(dataset: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """(N, 784) uint8 images on a device and their (784,) mean: once for all runs of a process."""
    images = torch.from_numpy(np.array(load_dataset(dataset).train_images)).view(-1, PIXELS).to(device)
    return images, mean_image(images)


def mean_image(images: Tensor) -> Tensor:
    """(784,) mean of uint8 images in [0, 1], from whole sums: the same however it is split."""
    return (images.sum(0, dtype=torch.int64).double() / (255 * len(images))).float().cpu()


def spread_by_ink(images: np.ndarray, n: int) -> np.ndarray:
    """Rows of n images that stand for all: every k-th by the amount of ink, on which the
    reconstruction depends most. The first 500 of them stand for all in the same way."""
    ranked = np.argsort(images.reshape(len(images), -1).sum(1, dtype=np.int64), kind="stable")
    rows = ranked[(np.arange(min(n, len(ranked))) + 0.5).astype(np.int64) * len(ranked) // min(n, len(ranked))]
    first = np.linspace(0, len(rows) - 1, min(PROBE, len(rows))).round().astype(np.int64)
    rest = np.setdiff1d(np.arange(len(rows)), first)
    return np.concatenate([rows[first], rows[rest]])


def grey(images: Tensor) -> Tensor:
    """uint8 0..255 -> float32 in [0, 1]."""
    return images.float().mul_(1 / 255)


def as_bytes(logits: Tensor) -> Tensor:
    """(n, 784) logits -> (n, 28, 28) uint8 of their probabilities."""
    return (logits.sigmoid() * 255).round().to(torch.uint8).view(-1, 28, 28)
