"""Baselines on the same split: PCA with the same latent dim, the mean training image, and raw pixels."""

from jlml.data.batches import to_float
from jlml.evaluation.parts.codes import class_scores, code_scores
from jlml.evaluation.parts.reconstruction import picture_scores
from jlml.evaluation.results import NotApplicableError, Results, means_of
from jlml.evaluation.subject import Subject


def baselines(subject: Subject) -> Results:
    """Scores of reconstructions by the mean image and by PCA, of PCA's codes, and of the pixels "
    "themselves."""
    truth = subject.test_images
    mean = to_float(subject.train_images).mean(0, keepdim=True).expand_as(truth)
    results = Results(means_of(picture_scores(mean, truth), "mean_image/"))
    pixels = to_float(subject.train_images).flatten(1), truth.flatten(1)
    found = class_scores(subject, *pixels, left_out=False)
    results.metrics |= {f"pixels/{name}": value for name, value in found.items()}
    try:
        pca = subject.pca
        results.metrics |= means_of(picture_scores(pca.reconstructions, truth), "pca/")
        scores = code_scores(subject, pca.train_codes, pca.test_codes)
        results.metrics |= {f"pca/{name}": value for name, value in scores.items()}
    except NotApplicableError as reason:
        results.notes.append(str(reason))
    return results
