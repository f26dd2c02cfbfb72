"""A VAE whose KL weight rises from 0 to beta again and again, so that codes do not collapse early.

    python train.py model=vae model._target_=examples.cyclical_vae.CyclicalVAE +model.cycle_epochs=4

What happens at every step is a Lightning callback that the model adds. Source: Fu et al. 2019, "Cyclical
annealing schedule: a simple approach to mitigating KL vanishing".
"""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from jlml.models import VAE


class CyclicalVAE(VAE):
    """A VAE whose KL weight rises linearly in the first half of every cycle and then stays at beta.

    Args:
        cycle_epochs: epochs of a cycle.
        options: see `VAE`.
    """

    def __init__(self, *, cycle_epochs: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.cycle_epochs = cycle_epochs

    def configure_callbacks(self) -> list[Callback]:
        return [Annealing(self.beta, self.cycle_epochs)]


class Annealing(Callback):
    """Sets the KL weight before every step, from the number of steps so far: a resumed run goes on "
    "exactly."""

    def __init__(self, beta: float, cycle_epochs: int) -> None:
        self.beta = beta
        self.cycle_epochs = cycle_epochs

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        cycle = self.cycle_epochs * trainer.num_training_batches
        progress = trainer.global_step % cycle / cycle
        pl_module.kl_weight.fill_(self.beta * min(1.0, 2 * progress))  # type: ignore[operator]
