"""Baselines on the same split: PCA with the same latent dim, the mean training image, and raw pixels."""

from jlml.data.batches import to_float
from jlml.evaluation.parts.codes import accuracies, code_scores
from jlml.evaluation.parts.reconstruction import picture_scores
from jlml.evaluation.results import NotApplicableError, Results, means_of
from jlml.evaluation.subject import Subject

# with all test images and 300 iterations, the accuracies of MNIST's pixels would take 40 s instead of 10
CLASSIFIED = 2000  # test images that are classified by their pixels
PIXEL_ITERATIONS = 100


def baselines(subject: Subject) -> Results:
    """Scores of reconstructions by the mean image and by PCA, of PCA's codes, and of the pixels "
    "themselves."""
    truth = subject.test_images
    mean = to_float(subject.train_images).mean(0, keepdim=True).expand_as(truth)
    results = Results(means_of(picture_scores(mean, truth), "mean_image/"))
    data, some = subject.data, subject.test_order[:CLASSIFIED]
    pixels = to_float(subject.train_images).flatten(1)
    found = accuracies(
        pixels, data.train_labels, truth.flatten(1)[some], data.test_labels[some], PIXEL_ITERATIONS
    )
    results.metrics |= {f"pixels/{name}": value for name, value in found.items()}
    try:
        pca = subject.pca
        results.metrics |= means_of(picture_scores(pca.reconstructions, truth), "pca/")
        scores = code_scores(subject, pca.train_codes, pca.test_codes)
        results.metrics |= {f"pca/{name}": value for name, value in scores.items()}
    except NotApplicableError as reason:
        results.notes.append(str(reason))
    return results
