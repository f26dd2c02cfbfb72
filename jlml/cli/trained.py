"""Prints the results of a training run, and the commands to use next."""

from collections.abc import Mapping, Sequence
from math import isclose

from rich.console import Console

from jlml.comparison.quantities import NATS, formatted, quantity_of
from jlml.comparison.tables import Cell, Table, as_rich
from jlml.config import command_line, locate, override, part_names
from jlml.data import ImageDataModule
from jlml.data.batches import to_float
from jlml.metrics.pca import pca_errors
from jlml.models import VAE
from jlml.runs import trust_needed
from jlml.training.train import Trained
from jlml.training.words import counted

ON_MNIST_5K = "Trained on mnist_5k, which has 4,000 training images where MNIST has 55,000."
DRAWN_CODES = "Codes were drawn from q(z | x); evaluate.py reconstructs from their means."
NEGATIVE = "A density can exceed 1, so a negative log likelihood can be below 0."
SPLITS = ("val", "test")
# in the order of the rows; of equal rows the first one stays
IN_WORDS = {
    "loss": "what training minimizes",
    "nll": "-log p(x | z), the reconstruction",
    "kl": "KL of the codes to the prior",
    "beta_kl": "the KL times beta",
    "elbo": "lower bound of log p(x)",
    "mse": "squared error per pixel",
    "bce": "cross-entropy of the mean image",
}
MOST_PIXELS = 4000  # of an image; the time for its principal components grows with the cube


def show_trained(trained: Trained) -> None:
    """Prints the metrics of the best checkpoint, the run folder, and the next commands."""
    console = Console(soft_wrap=True)
    run = trained.run.path
    data = trained.data.source.name
    names = part_names(trained.config)
    title = f"{names['model']}, {names['loss']}, latent dim {trained.model.latent_dim}, {data}"
    yardsticks = yardsticks_of(trained.data, trained.model.latent_dim)
    console.print(as_rich(table_of(trained.metrics, yardsticks, f"{title}: best checkpoint")))
    for note in notes_on(trained):
        console.print(note, highlight=False)
    if data == "mnist_5k":
        console.print(f"[bold yellow]{ON_MNIST_5K}[/]", highlight=False)
    console.print(f"Run folder   {run}", highlight=False, markup=False)
    evaluation = command_line("evaluate.py", override("run", str(run)), *trust_needed(trained.config))
    console.print(f"Evaluate it  {evaluation}", highlight=False, markup=False)
    for command in viewers(trained):
        console.print(f"Look at it   {command}", highlight=False, markup=False)


def viewers(trained: Trained) -> list[str]:
    """The commands that show what the run's loggers have written."""
    nodes = (trained.config.get("logger") or {}).values()
    loggers = [(locate(node["_target_"], "logger"), node) for node in nodes]
    commands = [kind.viewer(trained.run.path, node) for kind, node in loggers if hasattr(kind, "viewer")]
    return [command for command in commands if command]


def table_of(metrics: Mapping[str, float], yardsticks: Mapping[str, float], title: str) -> Table:
    """A row per number, with its names and its meaning; below the mse, that of simpler models.

    Args:
        metrics: metrics of the run, by split and name.
        yardsticks: mse on the test images, by name of the model.
        title: title of the table.
    """
    rows = []
    for names in distinct(metrics):
        first = names[0].lstrip("-")
        cells = [formatted(metrics.get(f"{split}/{first}"), first) for split in SPLITS]
        rows.append([" = ".join(names), *cells, meaning(first)])
        if first == "mse":
            rows += [
                [f"  {name}", "", formatted(value, "mse"), "for comparison"]
                for name, value in yardsticks.items()
            ]
    return Table(title, ["", *SPLITS, "unit (nats = nats per image)"], [[*map(Cell, row)] for row in rows])


def meaning(name: str) -> str:
    """The meaning of a metric, with its unit if it is not in the words."""
    words = IN_WORDS.get(name, "")
    unit = quantity_of(name).unit.replace(NATS, "nats")
    return words if name == "mse" else f"{unit}: {words}" if words else unit


def distinct(metrics: Mapping[str, float]) -> list[list[str]]:
    """The names of the quantities, those together that are equal in every split, or opposite."""
    found = dict.fromkeys(name.partition("/")[2] for name in metrics)
    groups: list[list[str]] = []
    for name in (*(known for known in IN_WORDS if known in found), *(n for n in found if n not in IN_WORDS)):
        for group in groups:
            if quantity_of(name).unit == quantity_of(group[0]).unit:
                sign = sign_between(values_of(metrics, name), values_of(metrics, group[0]))
                if sign:
                    group.append(name if sign > 0 else f"-{name}")
                    break
        else:
            groups.append([name])
    return groups


def values_of(metrics: Mapping[str, float], name: str) -> list[float | None]:
    """The values of a quantity in all splits."""
    return [metrics.get(f"{split}/{name}") for split in SPLITS]


def sign_between(some: Sequence[float | None], others: Sequence[float | None]) -> int:
    """1 if values are equal up to rounding, -1 if they are opposite, otherwise 0."""
    for sign in (1, -1):
        if all(
            a == b if a is None or b is None else isclose(a, sign * b, rel_tol=1e-6)
            for a, b in zip(some, others, strict=True)
        ):
            return sign
    return 0


def yardsticks_of(data: ImageDataModule, latent_dim: int) -> dict[str, float]:
    """The mse on the test images of PCA with the same latent dim, and of the mean training image.

    Computed anew for every run: about a second for MNIST on two idle cores, while a file that keeps it would
    have to be trusted. Empty for large images, where it takes longer.
    """
    images = data.training_images_once()
    pixels = images[0].numel()
    if pixels > MOST_PIXELS:
        return {}
    counts = {"mean image": 0}
    if latent_dim <= min(len(images), pixels):
        counts = {f"PCA, {counted(latent_dim, 'dim')}": latent_dim, **counts}
    errors = pca_errors(to_float(images), to_float(data.test_images), list(counts.values()))
    return dict(zip(counts, errors, strict=True))


def notes_on(trained: Trained) -> list[str]:
    """What a reader of the table has to know."""
    likelihoods = [
        trained.metrics.get(f"{split}/{name}", 0.0) for split in SPLITS for name in ("loss", "nll")
    ]
    notes = [NEGATIVE] if min(likelihoods) < 0 else []
    return [*notes, DRAWN_CODES] if isinstance(trained.model, VAE) else notes
