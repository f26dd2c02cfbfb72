"""The parts of an evaluation: each computes results from a trained model and its images."""

from collections.abc import Callable

from jlml.evaluation.parts.baselines import baselines
from jlml.evaluation.parts.codes import codes
from jlml.evaluation.parts.explorer import explorer
from jlml.evaluation.parts.generation import generation
from jlml.evaluation.parts.images import images
from jlml.evaluation.parts.likelihood import likelihood
from jlml.evaluation.parts.objective import objective
from jlml.evaluation.parts.pictures import pictures
from jlml.evaluation.parts.read_as import read_as
from jlml.evaluation.parts.reconstruction import reconstruction
from jlml.evaluation.parts.steps import steps
from jlml.evaluation.parts.tsne import tsne
from jlml.evaluation.results import Results
from jlml.evaluation.subject import Subject

Part = Callable[[Subject], Results]

PARTS: dict[str, Part] = {
    "objective": objective,
    "reconstruction": reconstruction,
    "likelihood": likelihood,
    "read_as": read_as,  # only on request
    "codes": codes,
    "baselines": baselines,
    "generation": generation,
    "steps": steps,
    "pictures": pictures,
    "tsne": tsne,
    "images": images,  # these two after tsne, whose map they use
    "explorer": explorer,
}
