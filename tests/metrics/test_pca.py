"""PCA as the baseline: its known numbers on full MNIST, and a linear autoencoder that finds its space."""

import pytest
import torch

from jlml.data.mnist import load, load_mnist_5k
from jlml.losses import Gaussian
from jlml.metrics import mse
from jlml.metrics.neighbours import knn_correct
from jlml.metrics.pca import principal_components
from jlml.models import AE

# latent dim: mse per pixel, squared error an image, accuracy of 1, 5 and 15 nearest neighbours
KNOWN = {
    2: (0.05567, 43.64, (0.390, 0.424, 0.451)),
    10: (0.03407, 26.71, (0.914, 0.928, 0.929)),
    16: (0.02686, 21.06, (0.958, 0.963, 0.960)),
    20: (0.02354, 18.45, (0.964, 0.969, 0.968)),
    30: (0.01769, 13.87, (0.972, 0.976, 0.972)),
}


@pytest.fixture(scope="module")
def mnist(mnist_root):
    return load("mnist", mnist_root)


@pytest.mark.parametrize("dim", KNOWN)
def test_the_known_numbers_of_pca_on_mnist(dim, mnist):
    """Fitted to all 60,000 training images; train codes classify test codes."""
    train, test = mnist.images.float() / 255, mnist.test_images.float() / 255
    pca = principal_components(train, test, dim)
    error = mse(pca.reconstructions, test).double().mean().item()
    right = knn_correct(pca.train_codes, mnist.labels, pca.test_codes, mnist.test_labels, (1, 5, 15))
    expected_mse, expected_sum, expected_right = KNOWN[dim]
    assert error == pytest.approx(expected_mse, abs=5.1e-6)
    assert error * 784 == pytest.approx(expected_sum, abs=5.1e-3)
    assert [r.double().mean().item() for r in right.values()] == pytest.approx(expected_right, abs=5.1e-4)


def test_a_linear_autoencoder_trained_to_convergence_is_pca(data_root):
    """Baldi & Hornik 1989: the least squared error of a linear code is PCA's, on PCA's subspace."""
    images = load_mnist_5k(data_root).images[::10].float() / 255
    small = torch.nn.functional.avg_pool2d(images, 4)  # 7 x 7
    pca = principal_components(small, small, 3)
    torch.manual_seed(0)
    loss = Gaussian(scale=1.0, link="identity")
    model = AE(hidden=[], image_shape=(1, 7, 7), latent_dim=3, loss=loss).double()
    images = small.double()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=2000, history_size=50, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        error = (model.decode(model.encode(images)) - images).square().flatten(1).sum(1).mean()
        error.backward()
        return error

    optimizer.step(closure)
    found = mse(model.decode(model.encode(images)), images).mean().item()
    known = mse(pca.reconstructions.double(), images).mean().item()
    assert found == pytest.approx(known, rel=1e-5)
    weight = model.decoder[0].weight.detach()  # (pixels, latent)
    components = torch.linalg.lstsq(
        pca.test_codes.double(), images.flatten(1) - images.flatten(1).mean(0)
    ).solution
    cosines = torch.linalg.svdvals(torch.linalg.qr(weight).Q.T @ torch.linalg.qr(components.T).Q)
    assert cosines.min().item() > 0.9999  # of the angles between the two subspaces
