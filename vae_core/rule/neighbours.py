"""The nearest training image of an image: one matrix product, remembered for images seen before."""

import torch
from torch import Tensor

CHUNK = 10_000  # training images in one product
KEPT = 50_000  # answers that are remembered


class Neighbours:
    """Finds the nearest training image in pixels (Euclidean).

    It keeps no parameters and is no part of a run's state: it can be asked again at any time.

    Args:
        images: (n, 784) the training images, uint8 0..255 or float in [0, 1]; not copied.
    """

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self._known: dict[bytes, int] = {}

    def rows(self, images: Tensor) -> Tensor:
        """(B,) row of the training image that is nearest to each image (B, 784) in [0, 1]."""
        keys = [key.tobytes() for key in (images * 255).round().to(torch.uint8).cpu().numpy()]
        fresh = {key: place for place, key in enumerate(keys) if key not in self._known}
        if fresh:
            if len(self._known) + len(fresh) > KEPT:
                self._known = {key: self._known[key] for key in keys if key in self._known}
            found = self._search(images[list(fresh.values())]).tolist()
            self._known.update(zip(fresh, found, strict=True))
        return torch.tensor([self._known[key] for key in keys], device=images.device)

    def _search(self, images: Tensor) -> Tensor:
        """‖x − t‖² = ‖x‖² − 2 x·t + ‖t‖², and ‖x‖² is the same for all t."""
        best = torch.full((len(images),), torch.inf, device=images.device)
        rows = torch.zeros(len(images), dtype=torch.long, device=images.device)
        for start in range(0, len(self.images), CHUNK):
            chunk = self.images[start : start + CHUNK].to(images.device)
            chunk = chunk.float() / 255 if chunk.dtype == torch.uint8 else chunk
            # (B, CHUNK); in place, as it may have 80 MB
            nearest, place = (images @ chunk.T).mul_(-2).add_(chunk.square().sum(1)).min(1)
            better = nearest < best
            rows = torch.where(better, place + start, rows)
            best = torch.minimum(best, nearest)
        return rows
