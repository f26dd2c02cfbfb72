"""What codes keep: classes, neighbours, distances."""

from torch import Tensor

from jlml.evaluation.findings import Estimate, Findings, means_of
from jlml.evaluation.subject import Codes, Subject
from jlml.metrics.codes import distance_correlations, linear_probe, silhouette
from jlml.metrics.neighbours import knn_correct, trustworthiness_and_continuity

COUNTS = (1, 5, 15)
NEIGHBOURS = 12


def codes(subject: Subject) -> Findings:
    """Every score of the run's codes."""
    findings = Findings(code_scores(subject, subject.train_codes, subject.test_codes))
    if len(subject.test_labels) <= 2 * NEIGHBOURS:
        findings.remarks.append("Trustworthiness and continuity need more than 24 test images.")
    return findings


def code_scores(subject: Subject, train_codes: Codes, test_codes: Codes) -> dict[str, Estimate]:
    """Scores of codes of the subject's training and test images, whoever made them."""
    train_labels, test_labels = subject.train_labels, subject.test_labels
    counts = [k for k in COUNTS if k < min(len(train_labels), len(test_labels))]
    values: dict[str, Tensor] = {}
    known = knn_correct(train_codes, train_labels, test_codes, test_labels, counts)
    left_out = knn_correct(test_codes, test_labels, None, None, counts)
    values |= {f"knn_{k}": known[k] for k in counts}
    values |= {f"leave_one_out_{k}": left_out[k] for k in counts}
    values["linear_probe"] = linear_probe(train_codes, train_labels, test_codes, test_labels)
    pixels = subject.test_images.flatten(1)
    if len(pixels) > 2 * NEIGHBOURS:
        trust, continuity = trustworthiness_and_continuity(pixels, test_codes, NEIGHBOURS)
        values |= {"trustworthiness": trust, "continuity": continuity}
    values["silhouette"] = silhouette(test_codes, test_labels)
    order = subject.test_order  # every group has all classes
    values["distance_correlation"] = distance_correlations(pixels[order], test_codes[order])
    return means_of(values)
