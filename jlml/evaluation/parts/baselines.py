"""What PCA and the mean image do at the same latent dim, on the same split."""

from jlml.data.batches import to_float
from jlml.evaluation.findings import Findings, NotApplicableError, means_of
from jlml.evaluation.parts.codes import code_scores
from jlml.evaluation.parts.reconstruction import picture_scores
from jlml.evaluation.subject import Subject


def baselines(subject: Subject) -> Findings:
    """Reconstruction by the mean image and by PCA, and what PCA's codes keep."""
    truth = subject.test_images
    mean = to_float(subject.train_images).mean(0, keepdim=True).expand_as(truth)
    findings = Findings(means_of(picture_scores(mean, truth), "mean_image/"))
    try:
        pca = subject.pca
        findings.metrics |= means_of(picture_scores(pca.reconstructions, truth), "pca/")
        scores = code_scores(subject, pca.train_codes, pca.test_codes)
        findings.metrics |= {f"pca/{name}": value for name, value in scores.items()}
    except NotApplicableError as reason:
        findings.remarks.append(str(reason))
    return findings
