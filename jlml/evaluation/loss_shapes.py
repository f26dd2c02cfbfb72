"""What each loss asks of a single pixel."""

import torch
from torch import Tensor

from jlml.evaluation.findings import Figure
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian, ObservationModel
from jlml.pictures.figures import loss_curves

TARGETS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
POINTS = 999


def shapes_of_losses() -> Figure:
    """Each loss of one pixel against the prediction, for several targets, by the losses' own code."""
    predictions = torch.linspace(0, 1, POINTS + 2)[1:-1]
    losses: dict[str, tuple[ObservationModel, str]] = {
        "MSE (Gaussian, scale .2)": (Gaussian(), "predicted mean"),
        "BCE (Bernoulli)": (Bernoulli(), "predicted mean"),
        "continuous Bernoulli": (ContinuousBernoulli(), "predicted lambda, which is not the mean"),
    }
    curves = {
        name: {x: pixel_nll(loss, predictions, x) for x in TARGETS} for name, (loss, _) in losses.items()
    }
    picture = loss_curves(curves, predictions, {name: label for name, (_, label) in losses.items()})
    caption = (
        "MSE and BCE are lowest where the prediction is the target, though BCE's lowest value is not 0 for "
        "a grey target. The continuous Bernoulli is lowest where its mean is the target: lambda overshoots "
        "towards 0 and 1, and for targets 0 and 1 only its limit stops it."
    )
    return Figure("loss_shapes", picture, caption)


def pixel_nll(loss: ObservationModel, predictions: Tensor, target: float) -> Tensor:
    """-log p of one pixel of this value in nats, by prediction."""
    logits = torch.logit(predictions.double()).reshape(-1, 1, 1, 1)
    return loss.nll(logits, torch.full_like(logits, target))
