"""Frame: an immutable picture of a run at a step, and the two byte strings as which it travels."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from vae_core.run.packing import pack, unpack


@dataclass(frozen=True)
class Frame:
    """A run at one step, in plain numpy. Equal recipe and events give equal frames.

    All metrics are nats per image on the probe set (500 fixed test images, fixed ε); a
    metric that is not defined is None. The points are fixed test images, so that row i is the
    same image in every frame.

    Attributes:
        step, epoch: training steps done, and passes over the training images.
        rule, noise, knobs: the settings that the next step trains with.
        metrics: reconstruction (at a draw of z), reconstruction_at_mean, reconstruction_seen (at a
            draw, of up to 200 training images), kl, kl_1, kl_2 (each dimension), kl_mean,
            kl_variance (its two parts), elbo, objective.
        mean: (n, 2) float32, z without noise.
        z: (n, 2) float32, z with the fixed ε and the noise switch.
        scale: (n, 2) float32 standard deviation of the posterior, or None.
        correlation: (n,) float32 of the posterior, or None where it has none.
        facts: what the rule itself shows (running moments, say): name -> numbers.
        labels: (n,) uint8.
        strip: indices of the points that are painted; the chosen one is last.
        strip_at_mean, strip_at_draw: (k, 28, 28) uint8 their reconstructions.
        repeats: (k, 50, 2) float32, each of them encoded 50 times.
        uncertainty: (28, 28) uint8, each pixel's standard deviation over the reconstructions of the
            chosen image's 50 encodings; 255 is 0.5, the most that there can be.
        prior_z, prior: (m, 2) fixed draws of the rule's prior, and (m, 28, 28) uint8 what they decode to.
        decoder: weights and biases of the decoder, float16: w0 (out, in), b0 (out,), w1, ...
        activation: of the decoder's hidden layers.
    """

    step: int
    epoch: float
    rule: str
    noise: float
    knobs: dict[str, Any]
    metrics: dict[str, float | None]
    strip: tuple[int, ...]
    activation: str
    facts: dict[str, list[float]]
    mean: np.ndarray
    z: np.ndarray
    scale: np.ndarray | None
    correlation: np.ndarray | None
    labels: np.ndarray
    strip_at_mean: np.ndarray
    strip_at_draw: np.ndarray
    repeats: np.ndarray
    uncertainty: np.ndarray
    prior_z: np.ndarray
    prior: np.ndarray
    decoder: tuple[np.ndarray, ...]

    def __repr__(self) -> str:
        """One line, as a notebook shows it."""
        nats = [
            f"{name} {value:.1f}" for name in ("reconstruction", "kl") if (value := self.metrics.get(name)) is not None
        ]
        return f"<Frame at step {self.step:,}, {self.rule}: {', '.join(nats)} nats, {len(self.labels):,} points>"

    def packed(self) -> "PackedFrame":
        """The frame as bytes: once for all who look at it, and for the file."""
        header, arrays = {}, {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = value
            elif field.name != "decoder" and value is not None:
                header[field.name] = value
        header["chosen"] = self.strip[-1]
        labels = arrays.pop("labels")  # the same for all frames of a run: sent once, kept with the weights
        weights = {f"{'wb'[i % 2]}{i // 2}": array for i, array in enumerate(self.decoder)}
        return PackedFrame(
            step=self.step,
            view=pack({"kind": "frame", **header}, arrays),
            decoder=pack(
                {"kind": "decoder", "step": self.step, "activation": self.activation, "layers": len(self.decoder) // 2},
                {**weights, "labels": labels},
            ),
        )


@dataclass(frozen=True)
class PackedFrame:
    """A frame as two byte strings: what is drawn at once, and the decoder for the browser."""

    step: int
    view: bytes
    decoder: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.view) + len(self.decoder)

    def header(self) -> dict[str, Any]:
        """The frame without its arrays."""
        return unpack(self.view)[0]

    def unpacked(self) -> Frame:
        """The frame again; its arrays are read-only views of the bytes."""
        about, arrays = unpack(self.view)
        weights = unpack(self.decoder)[1]
        labels = weights.pop("labels")
        del about["kind"], about["chosen"]
        about["strip"] = tuple(about["strip"])
        fields: dict[str, Any] = {"scale": None, "correlation": None, **about, **arrays}
        return Frame(**fields, labels=labels, decoder=tuple(weights.values()))
