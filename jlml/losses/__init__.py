"""Observation models: from logits and images to nats. Know no network."""

from jlml.losses.observation import Bernoulli, ContinuousBernoulli, Gaussian, ObservationModel

__all__ = ["Bernoulli", "ContinuousBernoulli", "Gaussian", "ObservationModel"]
