"""Adam by torch's fused kernel, and the learning rate's course."""

import math

import torch
from torch import Tensor, nn

BETAS, EPSILON = (0.9, 0.99), 1e-8
WARM_UP, DECAY = 50, 100  # steps


class Adam:
    """Adam (Kingma & Ba 2015, alg. 1) without `torch.optim.Adam`, whose constructor imports a
    compiler for a second. Parameters without a gradient rest.

    Attributes:
        moments: parameter name -> first moment, second moment, number of steps.
    """

    def __init__(self) -> None:
        self.moments: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def step(self, parameters: dict[str, nn.Parameter], rate: float) -> None:
        """Move the parameters that have a gradient, and clear the gradients."""
        used = {name: p for name, p in parameters.items() if p.grad is not None}
        for name, p in used.items():
            if name not in self.moments:
                self.moments[name] = (torch.zeros_like(p), torch.zeros_like(p), torch.zeros((), device=p.device))
        first, second, counts = zip(*(self.moments[name] for name in used), strict=True)
        values: list[Tensor] = list(used.values())
        with torch.no_grad():
            # What `torch.optim.adam.adam` calls; it would first sort the tensors by device and type, for 50 μs.
            torch._foreach_add_(counts, 1)
            torch._fused_adam_(
                values, [p.grad for p in values if p.grad is not None], first, second, [], counts,
                lr=rate, beta1=BETAS[0], beta2=BETAS[1], eps=EPSILON,
                weight_decay=0.0, amsgrad=False, maximize=False,
            )  # fmt: skip
        for p in used.values():
            p.grad = None


def rate_at(step: int, peak: float) -> float:
    """The learning rate: a short warm-up, then a fall like 1/√t, which suits a run without an end."""
    return peak * min(1.0, (step + 1) / WARM_UP) / math.sqrt(1 + (step + 1) / DECAY)
