"""PCA against scikit-learn, known numbers of MNIST, and a linear autoencoder."""

import pytest
import torch
from sklearn.decomposition import PCA

from jlml.data.mnist import load, load_mnist_5k
from jlml.losses import Gaussian
from jlml.metrics import mse
from jlml.metrics.neighbours import knn_correct
from jlml.metrics.pca import pca_errors, principal_axes, principal_components
from jlml.models import AE

# latent dim: MSE per pixel and squared error per image of PCA, fitted to the 60,000 MNIST training images
KNOWN = {2: (0.05567, 43.64), 10: (0.03407, 26.71), 16: (0.02686, 21.06), 20: (0.02354, 18.45)}
KNOWN[30] = (0.01769, 13.87)


@pytest.mark.robustness
def test_pca_has_its_known_errors_on_mnist(mnist_root):
    """Also checks the accuracy of 1, 5 and 15 nearest neighbours in the first two components."""
    source = load("mnist", mnist_root)
    train, test = source.images.float() / 255, source.test_images.float() / 255
    axes = principal_axes(train.flatten(1).double(), max(KNOWN))
    queries = axes.project(test.flatten(1).double())
    for dim, (expected, expected_sum) in KNOWN.items():
        reconstructions = (queries[:, :dim] @ axes.directions[:dim] + axes.mean).reshape(test.shape)
        error = mse(reconstructions, test.double()).mean().item()
        assert error == pytest.approx(expected, abs=5.1e-6)
        assert error * 784 == pytest.approx(expected_sum, abs=5.1e-3)
    codes = axes.project(train.flatten(1).double())[:, :2].float()
    right = knn_correct(codes, source.labels, queries[:, :2].float(), source.test_labels, (1, 5, 15))
    found = [correct.double().mean().item() for correct in right.values()]
    assert found == pytest.approx((0.390, 0.424, 0.451), abs=5.1e-4)


@pytest.mark.parametrize("shape", [(500, 20), (15, 40)])
def test_axes_equal_scikit_learn_including_signs(shape):
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(0)).double() + 3
    points[:, 3:6] *= torch.tensor([5.0, 4.0, 3.0])
    pca = PCA(3, svd_solver="covariance_eigh").fit(points.numpy())
    axes = principal_axes(points, 3)
    torch.testing.assert_close(axes.directions, torch.from_numpy(pca.components_))
    torch.testing.assert_close(axes.shares, torch.from_numpy(pca.explained_variance_ratio_))
    torch.testing.assert_close(axes.project(points), torch.from_numpy(pca.transform(points.numpy())))


@pytest.mark.parametrize("count", [2, 5, 29])
def test_few_images_have_axes_on_every_processor(count, data_root):
    images = load_mnist_5k(data_root).images[:count].flatten(1).float() / 255
    axes = principal_axes(images, 2)
    torch.testing.assert_close(axes.directions @ axes.directions.T, torch.eye(2))


def test_a_linear_autoencoder_trained_to_convergence_is_pca(data_root):
    """Baldi & Hornik 1989: the linear code with the lowest squared error spans the subspace of PCA."""
    images = load_mnist_5k(data_root).images[::25].float() / 255
    small = torch.nn.functional.avg_pool2d(images, 7)  # 4 x 4
    pca = principal_components(small, small, 3)
    torch.manual_seed(0)
    loss = Gaussian(scale=1.0, link="identity")
    model = AE(hidden=[], image_shape=(1, 4, 4), latent_dim=3, loss=loss).double()
    images = small.double()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=500, history_size=50, line_search_fn="strong_wolfe"
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
    axes = principal_axes(images.flatten(1), 3).directions
    cosines = torch.linalg.svdvals(torch.linalg.qr(weight).Q.T @ axes.T)
    assert cosines.min().item() > 0.9999  # cosines of the angles between the subspaces


def test_errors_are_those_of_the_reconstructions_and_without_components_those_of_the_mean_image():
    images = torch.rand(300, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    train, test = images[:200], images[200:]
    found = pca_errors(train, test, [3, 0])
    reconstructed = principal_components(train, test, 3).reconstructions
    assert found[0] == pytest.approx(float((reconstructed - test).square().mean()), rel=1e-5)
    assert found[1] == pytest.approx(float((train.mean(0) - test).square().mean()), rel=1e-5)
