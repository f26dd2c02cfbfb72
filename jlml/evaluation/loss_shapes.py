"""Plots the loss of a single pixel over its prediction."""

import torch
from torch import Tensor

from jlml.evaluation.results import Figure
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian, ObservationModel
from jlml.pictures.figures import loss_curves

TARGETS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
POINTS = 999


def shapes_of_losses() -> Figure:
    """A curve of each loss for one pixel over the prediction, for several targets."""
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
        "MSE and BCE are lowest where the prediction equals the target. For a grey target the lowest BCE is "
        "not 0. The continuous Bernoulli is lowest where its mean equals the target: lambda is closer to 0 "
        "or 1 than the target, and for targets 0 and 1 only its limit bounds the loss."
    )
    return Figure("loss_shapes", picture, caption)


def pixel_nll(loss: ObservationModel, predictions: Tensor, target: float) -> Tensor:
    """-log p of a pixel with the value ``target``, in nats, for each prediction."""
    logits = torch.logit(predictions.double()).reshape(-1, 1, 1, 1)
    return loss.nll(logits, torch.full_like(logits, target))
