"""Models: closed forms, the terms of each objective, sampling, and shapes of codes and images."""

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models import AE, VAE, ConvAE, ConvVAE

COMMON = {"image_shape": (1, 28, 28), "latent_dim": 16, "loss": Bernoulli()}
MODELS = {
    "ae": lambda **options: AE(**COMMON | options),
    "vae": lambda **options: VAE(hidden=[32], **COMMON | options),
    "conv_ae": lambda **options: ConvAE(**COMMON | options),
    "conv_ae_spatial": lambda **options: ConvAE(code="spatial", **COMMON | options),
    "conv_vae": lambda **options: ConvVAE(**COMMON | options),
    "conv_vae_spatial": lambda **options: ConvVAE(code="spatial", **COMMON | options),
}


@pytest.fixture
def images():
    return torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_kl_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(2, 50, 7, dtype=torch.float64) * 3
    posterior = Normal(mean, (log_variance / 2).exp())
    reference = kl_divergence(posterior, Normal(torch.zeros_like(mean), torch.ones_like(mean)))
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), reference)


def test_a_vae_uses_the_noise_that_is_passed_in(images):
    """The same noise always gives the same loss, and no random number is drawn."""
    model = MODELS["vae"]()
    noise = torch.randn(6, 16)
    before = torch.get_rng_state()
    first, second = model(images, noise), model(images, noise)
    assert torch.equal(first.loss, second.loss)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(model(images).loss, first.loss)


def test_validation_noise_depends_only_on_the_seed_and_the_batch(images):
    model, other = MODELS["vae"](seed=3).eval(), MODELS["vae"](seed=4).eval()
    other.load_state_dict(model.state_dict())
    torch.manual_seed(1)
    first = model.measure(images, 0)["loss"]
    torch.manual_seed(2)
    assert torch.equal(model.measure(images, 0)["loss"], first)
    assert not torch.equal(model.measure(images, 1)["loss"], first)
    assert not torch.equal(other.measure(images, 0)["loss"], first)


@pytest.mark.parametrize("loss", [Gaussian(), Bernoulli(), ContinuousBernoulli()])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_encodes_decodes_and_samples_with_every_loss(name, loss, images):
    model = MODELS[name](loss=loss).eval()
    codes = model.encode(images)
    assert codes.shape == (6, 16)
    decoded = model.decode(codes)
    assert decoded.shape == images.shape
    torch.testing.assert_close(decoded, loss.mean(model.decoder(codes)))
    assert model.sample(3).shape == (3, 1, 28, 28)
    for term in model(images).terms.values():
        assert term.shape == (6,)
    assert torch.equal(model.encode(images), codes)  # encode draws no random number


def test_the_loss_of_an_ae_is_the_nll_of_its_reconstruction(images):
    model = MODELS["ae"]()
    (nll,) = model(images).terms.values()
    torch.testing.assert_close(nll, model.loss.nll(model.decoder(model.encode(images)), images))


def test_the_loss_of_a_vae_is_the_negative_elbo_with_kl_times_beta(images):
    def terms(beta: float):
        model = MODELS["vae"](beta=beta).eval()
        model.load_state_dict(weights)
        torch.manual_seed(5)
        return model(images)

    weights = MODELS["vae"]().state_dict()
    plain, heavy = terms(1.0), terms(4.0)
    torch.testing.assert_close(plain.loss, -plain.extras["elbo"])
    torch.testing.assert_close(heavy.terms["nll"], plain.terms["nll"])
    torch.testing.assert_close(heavy.terms["beta_kl"], 4 * plain.extras["kl"])


def test_a_vae_draws_codes_from_its_posterior(images):
    """The decoder is the identity, so its output is z. Its draws have the moments of the posterior."""

    class Identity(torch.nn.Module):
        def __init__(self, latent_dim, hidden, image_shape):
            super().__init__()

        def forward(self, codes):
            return codes.reshape(-1, 1, 2, 2)

    model = VAE(
        hidden=[8], decoder=Identity, image_shape=(1, 2, 2), latent_dim=4, loss=Gaussian(1, "identity")
    )
    image = torch.rand(1, 1, 2, 2)
    mean, log_variance = model.posterior(image)
    torch.manual_seed(0)
    draws = model(image.expand(40_000, 1, 2, 2)).logits.flatten(1)
    torch.testing.assert_close(draws.mean(0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(draws.var(0), log_variance[0].exp(), atol=0.05, rtol=0.05)


def test_an_ae_samples_from_the_gaussian_fitted_to_its_codes():
    model = MODELS["ae"](latent_dim=3)
    source = MultivariateNormal(torch.tensor([1.0, -2, 3]), torch.tensor([[2.0, 1, 0], [1, 2, 0], [0, 0, 0]])
                                + 1e-9 * torch.eye(3), validate_args=False)  # fmt: skip
    torch.manual_seed(0)
    codes = source.sample((50_000,))
    codes[:, 2] = 3  # a collapsed dimension
    model.fit_code_distribution(codes)
    seen = []
    model.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.sample(50_000)
    torch.testing.assert_close(seen[0].mean(0), codes.mean(0), atol=0.04, rtol=0)
    torch.testing.assert_close(seen[0].T.cov(), codes.T.cov(), atol=0.08, rtol=0)


def test_gradients_reach_every_parameter(images):
    for name, build in MODELS.items():
        model = build()
        sum(model(images).terms.values()).mean().backward()
        idle = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
        assert not idle, f"{name}: {idle}"


def test_bfloat16_autocast_keeps_the_objective_in_float32(images):
    for build in MODELS.values():
        model = build(loss=ContinuousBernoulli())
        with torch.autocast("cpu", torch.bfloat16):
            terms = model(images).terms
        assert {term.dtype for term in terms.values()} == {torch.float32}
