"""Trains and evaluates the runs of the article: ordinary sweeps, which resume where they were stopped."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jlml.data.mnist import load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GAMMAS = (0.1, 0.2, 0.3)  # of the warped data: x becomes gamma + (1 - 2 gamma) x
EPOCHS_5K = 9  # with the bundled images, unless a sweep has its own


@dataclass(frozen=True)
class Sweep:
    """A sweep of the article.

    Args:
        name: its name in `runs.yaml`.
        folder: folder of its runs.
        train: overrides of train.py.
        evaluate: overrides of evaluate.py.
    """

    name: str
    folder: Path
    train: list[str]
    evaluate: list[str]


def sweeps(data: str, outputs: Path, root: str | None) -> Iterator[Sweep]:
    """The sweeps of `runs.yaml`.

    Args:
        data: `mnist` or `mnist_5k`.
        outputs: folder of everything that is trained.
        root: folder with the data; None for jlml's default.
    """
    plan = yaml.safe_load((HERE / "runs.yaml").read_text())
    for name, one in plan["sweeps"].items():
        train = {text.split("=")[0]: text for text in [*plan["common"]["train"], *one["train"]]}
        if data == "mnist_5k":
            train["trainer.max_epochs"] = f"trainer.max_epochs={one.get('epochs_5k', EPOCHS_5K)}"
            train.pop("data.subset", None)  # these are fewer images already
        if "data" not in train:
            train["data"] = f"data={data}"
            train |= {"data.root": f"data.root={root}"} if root else {}
        files = [str(warped_file(outputs, gamma)) for gamma in GAMMAS]
        named = {"warped": ",".join(files), "warped_middle": files[len(files) // 2]}
        overrides = [text.format(**named) if "{warped" in text else text for text in train.values()]
        parts = f"parts=[{','.join(one['parts'])}]"
        read_as = ["read_as=cont_bern"] if "read_as" in one["parts"] else []
        folder = outputs / "sweeps" / name
        fixed = [f"sweep.name={name}", f"output_dir={outputs}", "hydra/launcher=joblib"]
        yield Sweep(name, folder, [*fixed, *overrides], [*plan["common"]["evaluate"], parts, *read_as])


def warped_file(outputs: Path, gamma: float) -> Path:
    """The file of the images whose pixels are drawn towards 1/2."""
    return outputs / f"warped_{gamma:g}.npz"


def write_warped(data: str, outputs: Path, root: str | None) -> None:
    """Writes images that are less binary: every pixel x becomes gamma + (1 - 2 gamma) x.

    Source: Loaiza-Ganem & Cunningham 2019, section 5.1, for gamma >= 0.
    """
    missing = [gamma for gamma in GAMMAS if not warped_file(outputs, gamma).exists()]
    if not missing:
        return
    source = load(data, Path(root or "data"))
    named: dict[str, Any] = {"images": source.images, "labels": source.labels}
    if source.test_images is not None:
        named |= {"test_images": source.test_images, "test_labels": source.test_labels}
    arrays = {name: tensor.numpy() for name, tensor in named.items()}
    for gamma in missing:
        warped = {
            name: np.rint(255 * gamma + (1 - 2 * gamma) * some).astype(np.uint8) if "images" in name else some
            for name, some in arrays.items()
        }
        file = warped_file(outputs, gamma)
        with file.with_suffix(".part").open("wb") as stream:
            np.savez_compressed(stream, **warped)
        file.with_suffix(".part").rename(file)


def train_and_evaluate(data: str, outputs: Path, root: str | None, only: list[str]) -> None:
    """Trains and evaluates all sweeps, or the named ones. What is finished is skipped.

    Raises:
        subprocess.CalledProcessError: a command failed. The same command continues.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    write_warped(data, outputs, root)
    for sweep in sweeps(data, outputs, root):
        if not only or sweep.name in only:
            started = time.monotonic()
            command("train.py", "-m", *sweep.train)
            trained = time.monotonic()
            command("evaluate.py", f"sweep={sweep.folder}", *sweep.evaluate)
            print(
                f"{sweep.name}: trained in {trained - started:.0f} s, evaluated in "
                f"{time.monotonic() - trained:.0f} s",
                flush=True,
            )


def command(script: str, *arguments: str) -> None:
    """Runs a command of jlml."""
    print("python", script, *arguments, flush=True)
    subprocess.run([sys.executable, ROOT / script, *arguments], check=True)
