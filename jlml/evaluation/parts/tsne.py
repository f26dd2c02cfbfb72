"""Maps of the same images: codes, PCA of the pixels, and t-SNE of both."""

import io
import logging

import numpy as np
import torch
from torch import Tensor

from jlml.data.split import classes_in
from jlml.evaluation.results import Figure, NotApplicableError, Results, dependent_means
from jlml.evaluation.subject import Codes, Subject
from jlml.metrics.dependence import design_effects
from jlml.metrics.neighbours import Labels, Points, knn_correct
from jlml.metrics.pca import principal_axes
from jlml.pictures.figures import plane_of, scatters
from jlml.pictures.figures.scatter import Plane

try:  # the same algorithm with the same settings, six times as fast on one thread
    from sklearnex.manifold import TSNE

    LIBRARY = "scikit-learn-intelex"
    logging.getLogger("sklearnex").setLevel(logging.WARNING)  # it reports every call
except ImportError:  # not installed, or not available for this machine
    from sklearn.manifold import TSNE

    LIBRARY = "scikit-learn (six times as fast on Linux with: pip install 'jlml[tsne]')"

PERPLEXITY = 30
FEWEST = 5  # images with a class whose neighbours are counted
PIXEL_COMPONENTS = 50  # t-SNE of the pixels uses this number of principal components


def tsne(subject: Subject) -> Results:
    """Maps of `tsne_images` test images. Source: van der Maaten & Hinton 2008."""
    count = min(subject.settings.tsne_images, len(subject.data.test_labels))
    if count <= 3 * PERPLEXITY:
        raise NotApplicableError(f"t-SNE at perplexity {PERPLEXITY} needs more than {3 * PERPLEXITY} images.")
    some = subject.test_order[:count]
    codes, labels = subject.test_codes[some], subject.data.test_labels[some]
    pixels = subject.test_images[some].flatten(1).double()
    components = principal_axes(pixels, PIXEL_COMPONENTS).project(pixels).float()
    maps = {"tsne_codes": embedded(subject, codes), "tsne_pixels": embedded(subject, components)}
    planes = {
        "codes": plane_of(codes),
        "PCA of the pixels": plane_of(components),
        "t-SNE of the codes": Plane(maps["tsne_codes"], ("", "")),
        "t-SNE of the pixels": Plane(maps["tsne_pixels"], ("", "")),
    }
    results = Results(files={"tsne_codes.npy": as_npy(maps["tsne_codes"])})
    known = labels >= 0
    for name, points in maps.items() if known.sum() > FEWEST and len(classes_in(labels)) > 1 else ():
        sets = points[known], labels[known]
        found = dependent_means(left_out(*sets), design_effects(left_out, *sets))
        results.metrics |= {f"{name}/{score}": mean for score, mean in found.items()}
    caption = (
        f"Four maps of {count:,} test images. t-SNE (perplexity {PERPLEXITY}) preserves neighbours, not "
        "distances: sizes of clusters and gaps between them have no meaning."
    )
    results.notes.append(f"Computed by {LIBRARY}. Another library or seed gives another map.")
    results.figures.append(Figure("maps", scatters(planes, labels, subject.data.class_names), caption))
    return results


def as_npy(points: Points) -> bytes:
    """An array as the content of a NumPy file."""
    content = io.BytesIO()
    np.save(content, points.numpy())
    return content.getvalue()


def left_out(points: Points, labels: Labels) -> dict[str, Tensor]:
    """Whether the majority of the five nearest other points of a map has the label of a point."""
    return {"leave_one_out_5": knn_correct(points, labels, None, None, [5])[5]}


def embedded(subject: Subject, points: Codes, perplexity: float = PERPLEXITY) -> Tensor:
    """The t-SNE map of points: (images, 2)."""
    settings = subject.settings
    # if all points are equal, initialisation by PCA would divide by zero
    start = "pca" if points.shape[1] > 1 and float(points.std(0).max()) > 0 else "random"
    mapper = TSNE(perplexity=perplexity, init=start, random_state=settings.seed % 2**32, n_jobs=-1)
    return torch.from_numpy(mapper.fit_transform(points.numpy())).float()
