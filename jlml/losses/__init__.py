"""Observation models: from logits and images to nats. They know no network."""

from jlml.losses.continuous_bernoulli import at_least_float32
from jlml.losses.observation import Bernoulli, ContinuousBernoulli, Gaussian, ObservationModel

__all__ = ["Bernoulli", "ContinuousBernoulli", "Gaussian", "ObservationModel", "at_least_float32"]
