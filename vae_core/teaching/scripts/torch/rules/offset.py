# ruff: noqa: E402, F401, F811, F821
#: if beta
"""Deterministic offset: z = μ(x) + a f(x), charged β ½‖z‖² (Ghosh et al. 2020, eq. 11)."""

#: else
"""Deterministic offset: z = μ(x) + a f(x), nothing is charged."""
#: end

#: if f == "own_table"
import numpy as np

#: end
HEADS = {"mean": 2}  # what the encoder gives: name -> width
A, BETA = "$a", "$beta"  # a scales the offset, β weighs ½‖z‖²


#: if f == "property"
def measure(images):
    """(n,) a visible property of images (n, 784) in [0, 1]."""
    #: if property == "ink"
    return images.mean(1)
    #: else
    x, ink, places = images.view(-1, 28, 28), images.sum(1).clamp(min=1e-6), torch.arange(28.0)
    u, v = (places - (x.sum(axis) @ places / ink).unsqueeze(1) for axis in (1, 2))  # columns and rows from the middle
    #: if property == "slant"
    both, down = (torch.einsum("nvu,nu,nv->n", x, u**k, v ** (2 - k)) / ink for k in (1, 0))
    return -both / down.clamp(min=1e-6)
    #: elif property == "height"
    return (12 * torch.einsum("nvu,nv->n", x, v**2) / ink).sqrt()
    #: else
    return (12 * torch.einsum("nvu,nu->n", x, u**2) / ink).sqrt()
    #: end
    #: end


#: end
class LatentRule(nn.Module):
    def __init__(self, train):
        super().__init__()
        #: if normalise
        self.normalise = nn.BatchNorm1d(2, affine=False)  # moments of the batch; running ones at test time
        #: end
        #: if f == "table"
        self.table = torch.randn(len(train), 2, generator=stream("offset/table"))  # one vector per training image
        #: elif f == "own_table"
        self.table = torch.from_numpy(np.load("table.npy")).float()  # yours, (n, 2): one row per training image
        #: elif f == "second_encoder"
        self.second = Encoder(HEADS, "offset/second_encoder")
        #: elif f == "random_network"
        self.random = Encoder(HEADS, "offset/random_network").requires_grad_(False)
        some = self.random(train[:1000] / 255)["mean"]
        self.shift, self.deviation = some.mean(0), some.std(0)
        #: else
        some = measure(train[:1000] / 255)
        self.shift, self.deviation = some.mean(), some.std()
        #: end
        #: if by_row and unseen == "nearest"
        self.train_images = train / 255
        self.norms = self.train_images.square().sum(1)
        #: end

    def f(self, images, rows):
        """(B, 2) the offset of each image, always the same."""
        #: if f == "second_encoder"
        return self.second(images)["mean"]
        #: elif f == "random_network"
        return (self.random(images)["mean"] - self.shift) / self.deviation
        #: elif f == "property"
        p = (measure(images) - self.shift) / self.deviation
        return torch.stack([p, torch.zeros_like(p)], 1)
        #: elif unseen == "zero"
        return torch.where(rows.unsqueeze(1) < 0, 0.0, self.table[rows])  # an unseen image has none
        #: elif unseen == "drawn"
        drawn = (images.double().sum(1) * 255).round().long() * 7919 % len(self.table)  # for an unseen image
        return self.table[torch.where(rows < 0, drawn, rows)]
        #: else
        if rows.min() < 0:  # an unseen image has the row of the nearest training image
            far = [self.norms - 2 * x @ self.train_images.T for x in images.split(100)]
            rows = torch.cat([part.argmin(1) for part in far])
        return self.table[rows]
        #: end

    def forward(self, heads, eps, images, rows, draws):
        #: if normalise
        code = self.normalise(heads["mean"])
        #: else
        code = heads["mean"]
        #: end
        # >>> the latent rule: z
        z = code + A * self.f(images, rows)
        # >>> the latent rule: what is charged
        return z, BETA * 0.5 * z.square().sum(1)
