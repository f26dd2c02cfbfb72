"""Decoders that are scored as an observation model other than the one they were trained with."""

import pytest
import torch

import jlml
from conftest import QUICK, SMALL
from jlml.comparison.comparable import obstacle
from jlml.config.schema import Evaluate
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.evaluation.parts.read_as import nll_read_as
from jlml.evaluation.subject import Subject
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian


def read_as(run, *overrides):
    return evaluate(
        jlml.compose(f"run={run}", "read_as=cont_bern", *SMALL, *overrides, config_name="evaluate")
    )


def test_a_model_that_was_trained_with_the_loss_has_its_own_likelihood_in_both_readings(runs, evaluated):
    own = evaluated("vae", "parts=[likelihood]").metrics
    found = read_as(runs["vae"].path)
    assert list(found.requested) == ["read_as"]
    for score in ("elbo", "distortion", "importance_bound"):
        assert found.metrics[f"likelihood/{score}"] == own[f"likelihood/{score}"]  # it stays
        for reading in ("mean", "lambda"):
            assert found.metrics[f"read_as/cont_bern_{reading}/{score}"] == pytest.approx(
                own[f"likelihood/{score}"], rel=1e-4
            )


@pytest.mark.parametrize("loss", [Bernoulli(), Gaussian(link="sigmoid")], ids=["bce", "mse"])
def test_the_readings_are_the_densities_with_this_mean_and_with_this_parameter(loss):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 4, 4, generator=generator).double()
    images = torch.rand(3, 1, 4, 4, generator=generator).double()
    picture = torch.sigmoid(logits)
    reference = torch.distributions.ContinuousBernoulli(picture)
    found = nll_read_as(ContinuousBernoulli(), loss, "lambda")(logits, images)
    torch.testing.assert_close(found, -reference.log_prob(images).sum((1, 2, 3)), rtol=1e-6, atol=1e-6)

    low, high = torch.full_like(picture, 1e-4), torch.full_like(picture, 1 - 1e-4)
    for _ in range(60):  # bisection for the parameter whose density has this mean
        middle = (low + high) / 2
        is_low = torch.distributions.ContinuousBernoulli(middle).mean < picture
        low, high = torch.where(is_low, middle, low), torch.where(is_low, high, middle)
    expected = -torch.distributions.ContinuousBernoulli(low).log_prob(images).sum((1, 2, 3))
    found = nll_read_as(ContinuousBernoulli(), loss, "mean")(logits, images)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)  # the reference is inaccurate near 1/2


def test_an_autoencoder_has_an_nll_in_both_readings(runs):
    found = read_as(runs["conv_ae"].path).metrics
    subject = Subject(runs["conv_ae"], "best", Evaluate())
    images = subject.test_images
    lambdas = subject.decode(subject.test_codes).double().clamp(1e-4, 1 - 1e-4)
    expected = (
        -torch.distributions.ContinuousBernoulli(lambdas).log_prob(images.double()).sum((1, 2, 3)).mean()
    )
    assert found["read_as/cont_bern_lambda/nll"] == pytest.approx(float(expected), rel=1e-3)
    assert "read_as/cont_bern_mean/nll" in found


def test_readings_compare_between_losses_and_stand_in_tables_of_their_own(tmp_path, data_root):
    for loss in ("bce", "cont_bern"):
        common = (*QUICK[:-1], f"data.root={data_root}", "callbacks=none", "logger=none")
        jlml.train("model=vae", f"loss={loss}", *common, parent=tmp_path / "runs", progress=[])
    config = jlml.compose(f"runs={tmp_path / 'runs'}", "read_as=cont_bern", *SMALL, config_name="evaluate")
    comparison = evaluate(config)
    configs = [group.first.config for group in comparison.groups]
    assert obstacle("read_as/cont_bern_mean/elbo", configs) is None
    assert obstacle("likelihood/elbo", configs) is not None
    page = (comparison.folder / "comparison.html").read_text()
    assert "Read as the continuous Bernoulli by mean" in page


def test_the_part_needs_its_observation_model(runs, evaluated):
    part = evaluated("ae", "parts=[read_as]").parts["read_as"]
    assert part["status"] == "failed"
    assert "read_as=cont_bern" in part["reason"]
    with pytest.raises(UserError, match="read_as"):
        read_as(runs["ae"].path, "read_as=poisson")
