"""Question 7: how do I write this in PyTorch, in Keras?"""

import torch

from vae_core.rule import Batch
from vae_core.run.recipe import Recipe
from vae_core.teaching.claims.bench import Bench, Measured
from vae_core.teaching.claims.ledger import Finding, claim, find, less
from vae_core.trainer.adam import rate_at
from vae_core.trainer.random_streams import normal
from vae_core.trainer.trainer import Trainer

STEPS, MANY = 600, 8


def train_with_draws(trainer: Trainer, steps: int, draws: int) -> None:
    """Train with the mean loss over several draws of ε for each image and step; the first is the run's own."""
    for _ in range(steps):
        batch, eps = trainer.training_set.batch(trainer.step_count)
        more = normal((draws - 1) * len(eps), trainer.device, trainer.step_count, "claims/draws")
        several, images = torch.cat([eps, more]), batch.images.repeat(draws, 1)
        heads = {name: head.repeat(draws, 1) for name, head in trainer.encoder(batch.images).items()}
        latent = trainer.latent(heads, several, Batch(images, batch.rows.repeat(draws), several))
        loss = trainer.nats(trainer.decoder(latent.z), images).mean() + sum(p.mean() for p in latent.penalty.values())
        loss.backward()
        trainer.optimiser.step(trainer.parameters, rate_at(trainer.step_count, trainer.recipe.learning_rate))
        trainer.step_count += 1


@claim(
    "one-draw-is-enough",
    7,
    f"With {MANY} draws of ε for each image and step the ELBO after {STEPS} steps is that with one, to 3 nats.",
    short=False,
    expects="depends on the seed",
)
def _(bench: Bench) -> Finding:
    def many(recipe: Recipe) -> Measured:
        trainer = bench.trainer(recipe)
        with torch.enable_grad():
            train_with_draws(trainer, bench.scaled(STEPS), MANY)
        return Measured(trainer, bench.images)

    one = [r.metric("elbo") for r in bench.runs("vae", steps=STEPS)]
    eight = [many(recipe).metric("elbo") for recipe in bench.recipes("vae")]
    return find("nats of ELBO", [less("eight less one", eight, one, -3, 3)], one_draw=one, eight_draws=eight)
