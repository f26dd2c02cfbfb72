"""Measures complete epochs of `train.py` against plain loops with the same network, in alternation.

jlml trains with its default options: TensorBoard, progress bar, metrics, validation, checkpoints, and
pictures every five epochs. A repeat is five epochs of each side, in turns of 32 steps, so that changes in the
machine's speed affect both equally. Alternatives that cannot be interrupted, such as Lightning's fit or
another process, run a complete epoch at a time.
"""

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stdout
from copy import deepcopy
from itertools import islice, repeat
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from loops import Loop, in_memory, loss_of, prepared, torchvision_batches, validate
from rows import Row

import jlml
from jlml.data import ImageDataModule
from jlml.runs import build_model
from jlml.training.terminal import EpochLines

STEPS = "jlml's steps"
AT_ONCE = 32  # steps per turn
CYCLE = 5  # epochs between two pictures of each kind
PEER_SHARE = 10  # slow alternatives train on a tenth of the images

NETS = {
    "VAE 784-500-500-20, batch 128": (("model=vae", "latent.dim=20"), ">= 0.95"),
    "conv AE, batch 128": (("model=conv_ae",), ">= 0.95"),
    "MLP AE 1024-128-64-32-2, batch 128": (("model=ae", "model.norm=none", "data.image_size=32"), ">= 0.90"),
    "MLP AE 1024-128-64-32-2, batch 1024": (
        ("model=ae", "model.norm=none", "data.image_size=32", "data.batch_size=1024"),
        ">= 0.95",
    ),
    "linear AE 784-2, batch 16 (1 ms a step)": (("model=ae_linear", "data.batch_size=16"), ">= 0.80"),
}


class Terminal(io.StringIO):
    """A stream that looks like a terminal, so that the progress bar is drawn."""

    def isatty(self) -> bool:
        return True


Epoch = Callable[[], Iterator[None]]  # takes the steps of an epoch, and yields after each


class Turns(Callback):
    """Alternates between jlml and other loops every 32 steps, and measures the time of each.

    Ignores the first epoch, which may compile, and the last one, which draws the final pictures.

    Args:
        others: alternatives by name, each with a function that starts an epoch.
    """

    def __init__(self, others: Mapping[str, Epoch]) -> None:
        self.others = others
        everyone = ("jlml", STEPS, *others)
        self.seconds: dict[str, list[float]] = {name: [] for name in everyone}  # one value per epoch
        self._epochs: dict[str, Iterator[None]] = {}
        self._spent: dict[str, float] = {}
        self._started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._epochs:
            self._turn(None)
            for name, spent in self._spent.items():
                self.seconds[name].append(spent)
        counts = 0 < trainer.current_epoch < trainer.max_epochs - 1
        self._epochs = {name: epoch() for name, epoch in self.others.items()} if counts else {}
        self._spent = dict.fromkeys(self.seconds, 0.0)
        self._started = perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._epochs and batch_idx % AT_ONCE == 0:
            if batch_idx:
                self._spent[STEPS] += perf_counter() - self._started
            self._turn(AT_ONCE)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if self._epochs and trainer.is_last_batch:
            self._spent[STEPS] += perf_counter() - self._started

    def _turn(self, steps: int | None) -> None:
        """Runs a number of steps of each alternative, or the rest of their epochs if None."""
        self._spent["jlml"] += perf_counter() - self._started
        torch.use_deterministic_algorithms(False)  # jlml's default is True, a plain loop's is False
        for name, epoch in self._epochs.items():
            started = perf_counter()
            for _ in islice(epoch, steps):
                pass
            self._spent[name] += perf_counter() - started
        torch.use_deterministic_algorithms(True)
        self._started = perf_counter()

    def of_cycles(self, name: str) -> list[float]:
        """The durations of cycles of five epochs, in seconds."""
        seconds = self.seconds[name]
        return [sum(seconds[i : i + CYCLE]) for i in range(0, len(seconds) - CYCLE + 1, CYCLE)]


def in_turns(overrides: tuple[str, ...], others: Callable[..., Mapping], repeats: int) -> Turns:
    """Trains jlml in alternation with other loops.

    Args:
        overrides: overrides for `train.py`.
        others: returns the alternatives by name, given an untrained model and the data.
        repeats: number of cycles of five epochs.
    """
    epochs = 1 + CYCLE * repeats + 1
    overrides = (*overrides, "loss=bce", f"trainer.max_epochs={epochs}", "draw_every=5")
    config, data = prepared(overrides)
    torch.manual_seed(0)
    turns = Turns(others(build_model(config, data.image_shape), data))
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(Terminal()):
        jlml.train(*overrides, parent=Path(folder), progress=[EpochLines(), turns])
    return turns


def unbroken(run: Callable[[], Any]) -> Epoch:
    """A function that cannot be interrupted, as an epoch of one step."""

    def epoch() -> Iterator[None]:
        run()
        yield

    return epoch


def paced(epoch: Epoch, share: int) -> Epoch:
    """Spreads an epoch with fewer steps over all turns: pauses ``share`` times after each step."""
    return lambda: (rest for _ in epoch() for rest in repeat(None, share))


def bare(model: Any, data: ImageDataModule) -> dict[str, Epoch]:
    """The epoch of a plain loop, and a plain validation."""
    loop = Loop(model, in_memory(data.train_images, data.batch_size))
    return {"bare": loop.epoch, "validation": unbroken(lambda: validate(model, data.validation_images))}


def ratios(turns: Turns, *names: str, share: int = 1, against: str = "jlml") -> list[float]:
    """The time of alternatives relative to jlml, one ratio per repeat.

    Times are multiplied by ``share``, because the alternatives train on 1 / share of the images.
    """
    theirs = zip(*(turns.of_cycles(name) for name in names), strict=True)
    return [share * sum(some) / one for some, one in zip(theirs, turns.of_cycles(against), strict=True)]


def steps_alone(turns: Turns) -> Row:
    """The bare loop against jlml's steps, without its validation, checkpoints and pictures."""
    return Row("  its steps alone", ratios(turns, "bare", against=STEPS))


def nets(repeats: int) -> Iterator[Row]:
    """Each network against a bare loop, against a loop with validation, and its steps alone."""
    for name, (overrides, target) in NETS.items():
        turns = in_turns(overrides, bare, repeats)
        epoch = sum(turns.seconds["bare"]) / len(turns.seconds["bare"])
        yield Row(name, ratios(turns, "bare"), target=target, note=f"bare epoch {epoch:.2f} s")
        yield Row("  against a loop that also validates", ratios(turns, "bare", "validation"))
        yield steps_alone(turns)


def fast(repeats: int) -> Iterator[Row]:
    """`trainer=fast` after compilation, against a bare loop in float32."""
    overrides = ("model=vae", "latent.dim=20", "data.batch_size=1024", "trainer=fast")
    turns = in_turns(overrides, bare, repeats)
    yield Row(
        "trainer=fast, VAE 784-500-500-20, batch 1024",
        ratios(turns, "bare"),
        target=">= 1.8",
        note="bf16 and compiled, against float32",
    )
    yield steps_alone(turns)


def habits(repeats: int) -> Iterator[Row]:
    """jlml against common practice: torchvision's dataset in a DataLoader, in a plain loop and in Lightning.

    Images are padded to 32 x 32 pixels by torchvision's transforms or, faster but less common, per batch.
    """
    overrides = ("model=ae", "model.norm=none", "data.image_size=32")
    images = 55_000 // PEER_SHARE
    usual, by_batch = "torchvision and DataLoader", "the same, padded by the batch"

    with tempfile.TemporaryDirectory() as folder:

        def others(model: Any, data: ImageDataModule) -> dict[str, Epoch]:
            padded, small = (
                stack.enter_context(torchvision_batches(data, data.batch_size, images, padding))
                for padding in (2, 0)
            )
            loops = {
                usual: Loop(deepcopy(model), padded, fused=False),
                by_batch: Loop(deepcopy(model), lambda: map(torch.nn.ZeroPad2d(2), small()), fused=False),
            }
            in_lightning = LightningHabits(prepared(overrides)[0], data, padded, Path(folder))
            peers = {name: paced(loop.epoch, PEER_SHARE) for name, loop in loops.items()}
            return peers | {"Lightning as usual": unbroken(in_lightning.epoch)} | bare(model, data)

        with ExitStack() as stack:
            turns = in_turns(overrides, others, repeats)
    for peer, target in ((usual, ">= 3.5"), (by_batch, ""), ("Lightning as usual", "")):
        times = ratios(turns, peer, share=PEER_SHARE)
        yield Row(f"MLP AE, batch 128, against {peer}", times, target=target)
    times = ratios(turns, usual, share=PEER_SHARE, against="bare")
    yield Row(f"  the bare loop against {usual}", times)


class LightningHabits:
    """The same network in Lightning as in tutorials: `self.log` in every step, default bar and logger."""

    def __init__(self, config: Any, data: ImageDataModule, batches: Callable[[], Any], folder: Path) -> None:
        class Usual(LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.net = build_model(config, data.image_shape)

            def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
                loss = loss_of(self.net, batch)
                self.log("loss", loss, prog_bar=True)
                return loss

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.Adam(self.parameters(), lr=1e-3)

        class Batches:
            def __iter__(self) -> Iterator[torch.Tensor]:
                return iter(batches())

        self._model, self._batches = Usual(), Batches()
        self._trainer = Trainer(
            accelerator="cpu", max_epochs=1, default_root_dir=folder, enable_model_summary=False
        )

    def epoch(self) -> None:
        """Trains one more epoch with the same trainer."""
        self._trainer.fit_loop.max_epochs = self._trainer.current_epoch + 1
        self._trainer.fit(self._model, self._batches)


GROUPS = {"nets": nets, "fast": fast, "habits": habits}
