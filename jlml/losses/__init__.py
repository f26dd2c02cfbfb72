"""Observation models p(x | z): the negative log likelihood of images, in nats, from a decoder's logits."""

from jlml.losses.continuous_bernoulli import at_least_float32
from jlml.losses.observation import Bernoulli, ContinuousBernoulli, Gaussian, ObservationModel

__all__ = ["Bernoulli", "ContinuousBernoulli", "Gaussian", "ObservationModel", "at_least_float32"]
