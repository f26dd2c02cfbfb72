"""The t-SNE map of an earlier part of the same evaluation."""

from torch import Tensor

from jlml.errors import UserError
from jlml.evaluation.history import read
from jlml.evaluation.record import earlier_parts, folder_of
from jlml.evaluation.subject import Subject

MAP = "tsne_codes.npy"


def stored_map(subject: Subject) -> tuple[Tensor, Tensor] | None:
    """Indices of the mapped test images, and their places; None if the evaluation has no map of the codes.

    The file is untrusted.
    """
    part = earlier_parts(subject.run, subject.which, subject.settings).get("tsne", {})
    if part.get("status") != "done":
        return None
    try:
        points = read(folder_of(subject.run, subject.which) / MAP)
    except UserError:
        return None
    if points.shape[1:] != (2,) or len(points) > len(subject.test_order) or not points.isfinite().all():
        return None
    return subject.test_order[: len(points)], points  # t-SNE maps the first images of the same random order
