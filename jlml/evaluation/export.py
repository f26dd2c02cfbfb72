"""Exports the encoder and the decoder of a run to ONNX."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

import jlml
from jlml.comparison.descriptions import observation_in_words
from jlml.config.schema import Evaluate
from jlml.evaluation.record import changing, folder_of, make_folder
from jlml.evaluation.subject import Subject
from jlml.files import write_atomically
from jlml.models import VAE, Autoencoder
from jlml.runs import Run
from jlml.shapes import Codes, Images

COMPARED = 100  # test images


@dataclass(frozen=True)
class Export:
    """The ONNX files of a run."""

    encoder: Path
    decoder: Path
    images: int  # the test images on which they were compared with PyTorch
    difference: float  # the largest


class Encoder(nn.Module):
    """Images to codes. A VAE's codes are the means of q(z | x), and its log variances are a second output."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Images) -> dict[str, Tensor]:
        codes = {"codes": self.model.encode(images)}
        if isinstance(self.model, VAE):
            codes["log_variance"] = self.model.posterior(images)[1]
        return codes


class Decoder(nn.Module):
    """Codes to mean images, and to the other pictures of the observation model."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Codes) -> dict[str, Tensor]:
        pictures = self.model.loss.pictures(self.model.decoder(codes))
        return {**pictures, "mean": self.model.decode(codes)}


def export_run(run: Run, which: str, settings: Evaluate) -> Export:
    """Writes `encoder.onnx` and `decoder.onnx` of a checkpoint. If it fails, there is neither.

    Raises:
        UserError: the packages are not installed, the run or its data cannot be loaded, or the model cannot
            be exported.
    """
    from jlml.evaluation.onnx_file import as_onnx  # needs the extra [onnx]

    subject = Subject(run, which, settings)
    model = subject.model.cpu()  # the files are the same for every device
    images = subject.test_images[subject.test_order[:COMPARED]]
    metadata = {
        "run": run.path.resolve().name,
        "checkpoint": which,
        "loss": observation_in_words(subject.config),
        "jlml": jlml.__version__,
    }
    folder = folder_of(run, which)
    make_folder(folder)
    files = folder / "encoder.onnx", folder / "decoder.onnx"
    with changing(folder):
        remove(*files)  # those of an earlier export
        encoder, first = as_onnx(files[0].name, Encoder(model), "images", images, metadata)
        codes = model.encode(images)
        decoder, second = as_onnx(files[1].name, Decoder(model), "codes", codes, metadata)
        try:
            for file, content in zip(files, (encoder, decoder), strict=True):
                write_atomically(file, content)
        except BaseException:
            remove(*files)
            raise
    return Export(*files, len(images), max(first, second))


def remove(*files: Path) -> None:
    """Removes the files that exist."""
    for file in files:
        file.unlink(missing_ok=True)
