"""What PCA and the mean image do at the same latent dim, on the same split."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from sklearn.decomposition import PCA
from torch import Tensor

from jlml.data.batches import to_float
from jlml.evaluation.findings import Findings, NotApplicableError, means_of
from jlml.evaluation.parts.codes import code_scores
from jlml.evaluation.parts.reconstruction import picture_scores
from jlml.evaluation.subject import Codes, Images, Subject


@dataclass(frozen=True)
class PCABaseline:
    """Codes and reconstructions by the first principal components of the training images."""

    train_codes: Codes
    test_codes: Float[Tensor, "tests latent"]
    reconstructions: Float[Tensor, "tests channel height width"]


def baselines(subject: Subject) -> Findings:
    """Reconstruction by the mean image and by PCA, and what PCA's codes keep."""
    truth = subject.test_images
    mean = to_float(subject.train_images).mean(0, keepdim=True).expand_as(truth)
    findings = Findings(means_of(picture_scores(mean, truth), "mean_image/"))
    try:
        pca = pca_baseline(subject)
        findings.metrics |= means_of(picture_scores(pca.reconstructions, truth), "pca/")
        scores = code_scores(subject, pca.train_codes, pca.test_codes)
        findings.metrics |= {f"pca/{name}": value for name, value in scores.items()}
    except NotApplicableError as reason:
        findings.remarks.append(str(reason))
    return findings


def pca_baseline(subject: Subject) -> PCABaseline:
    """PCA with as many components as the model has latent dimensions, fitted to the training images.

    Raises:
        NotApplicableError: there are not so many components.
    """
    train = to_float(subject.train_images)
    most = min(len(train), train[0].numel())
    if subject.latent_dim > most:
        raise NotApplicableError(f"PCA of these images has {most} components, fewer than the latent dim.")
    return principal_components(train, subject.test_images, subject.latent_dim)


def principal_components(
    train: Images, test: Float[Tensor, "tests channel height width"], count: int
) -> PCABaseline:
    """So many principal components of training images, and what they make of test images.

    In float64: in float32 the covariance's eigenvectors move neighbours, .0008 of 15-NN accuracy at two
    components.
    """
    flat = train.flatten(1).double().numpy()
    # ten times as fast as a full decomposition, where there are more images than pixels
    pca = PCA(count, svd_solver="covariance_eigh" if len(flat) > flat.shape[1] else "full")
    train_codes = pca.fit_transform(flat)
    test_codes = pca.transform(test.flatten(1).double().numpy())
    pictures = pca.inverse_transform(test_codes).reshape(test.shape)
    return PCABaseline(tensor(train_codes), tensor(test_codes), tensor(pictures))


def tensor(array: object) -> Tensor:
    """Float32, in memory of its own."""
    return torch.as_tensor(array, dtype=torch.float32).contiguous()
