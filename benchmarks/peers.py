"""Measures jlml against pythae's trainer, in a separate environment: `.venv-peers`, created on first use."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row
from training import Epoch, bare, in_turns, ratios, unbroken

from jlml.data import ImageDataModule

PEER = "pythae==0.1.2"
ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".venv-peers"
SHARE = 5  # pythae trains on a fifth of the images


def rows(repeats: int) -> Iterator[Row]:
    """The VAE 784-512-20 of pythae's examples."""
    overrides = ("model=vae", "model.hidden=[512]", "latent.dim=20")
    with ExitStack() as stack:

        def others(model: Any, data: ImageDataModule) -> dict[str, Epoch]:
            peer = stack.enter_context(Pythae(data))
            return {"pythae": unbroken(peer.epoch), **bare(model, data)}

        turns = in_turns(overrides, others, repeats)
    values = ratios(turns, "pythae", share=SHARE)
    yield Row("VAE 784-512-20, batch 128, against pythae", values, target=">= 1.8", note=PEER)
    yield Row("  the bare loop against pythae", ratios(turns, "pythae", share=SHARE, against="bare"))


class Pythae:
    """A process that trains with pythae on request."""

    def __init__(self, data: ImageDataModule) -> None:
        make_environment()
        self._folder = tempfile.TemporaryDirectory()
        files = []
        for name, images in (("training", data.train_images), ("validation", data.validation_images)):
            files.append(Path(self._folder.name) / f"{name}.npy")
            np.save(files[-1], images[: len(images) // SHARE].numpy())
        script = Path(__file__).with_name("pythae_epochs.py")
        self._process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "python", script, *files, str(SHARE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._wait()

    def __enter__(self) -> "Pythae":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def epoch(self) -> None:
        """Trains on pythae's share of an epoch's images."""
        assert self._process.stdin is not None
        print("go", file=self._process.stdin, flush=True)
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline()) != "ready\n":
            if not line:
                sys.exit("Error: pythae has failed. Try: .venv-peers/bin/python -c 'import pythae'.")


def make_environment() -> None:
    """Installs pythae with the same torch version as jlml, once."""
    if (ENVIRONMENT / "ready").exists():
        return
    python = ENVIRONMENT / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    torch = f"torch=={version('torch').split('+')[0]}"
    subprocess.run([*uv, PEER, torch, f"numpy=={version('numpy')}", "setuptools<81"], check=True)
    (ENVIRONMENT / "ready").touch()
