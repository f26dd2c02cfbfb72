"""Tests every file reader with a million damaged files: `make fuzz`, or python tests/fuzz.py.

A case is a good file with some bytes or values changed. A reader must either return or raise a `UserError`
of one line, and it must not fill the memory. The same seed gives the same cases.
"""

import argparse
import gzip
import io
import json
import random
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from jlml.config import compose, plain
from jlml.config.schema import Evaluate
from jlml.data.idx import read_idx
from jlml.errors import UserError
from jlml.evaluation.history import kept_codes
from jlml.evaluation.record import earlier_parts, identity, settings_of_part
from jlml.pictures.latent import as_npy
from jlml.runs import Run, build_model, step_of
from jlml.sweeps.folder import Sweep, results_csv
from jlml.sweeps.ranking import ranking
from jlml.training.build import COMMAND_KEYS

MAX_GROWTH = 512  # MB by which all cases together may raise the peak memory of the process

NUMBERS = [0, 1, 2, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**30, 2**31 - 1, 2**31, 2**32 - 1, 2**63]
# fmt: off
TOKENS = [
    b"\0", b"\xff" * 8, b"\n", b" ", b"{", b"}", b"[", b"]", b"[" * 50, b"{a: " * 20, b'"', b"'", b"\\",
    b"\r", b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system [x]", b"!!binary aGk=", b"? ",
    b": ", b"- ", b"${oc.env:HOME}", b'"\\x24{x}"', b"???", b"null", b"~", b".nan", b".inf", b"NaN",
    b"Infinity", b"1e999",
    b"-1", b"9" * 30, b"9" * 5000, b"0x" + b"f" * 40, b"1:1:1", b"2020-01-01", b"\xed\xa0\x80", b'"\\ud800"',
    b"_target_: os.system", b"_target_", b"_args_", b"_partial_", b"../../x", b"/dev/zero", b"\x1f\x8b\x08",
    b"PK\3\4", b"\x93NUMPY", b"\x80\x02", b"cos\nsystem\n", b"(1000000000000, 2)", b"|O", b"<f8", b"'shape'",
]
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, 10**30, 0.5, -0.5, 1e-300, 1e308, float("nan"),
    float("inf"), "", "x", "mse", "../..", "/", "\ud800", "\0", "${seed}", "???", "2020-01-01", "1" * 500,
    "os.system",
    "jlml.models.VAE", "jlml.training.os.system", "jlml.networks.ConvEncoder", "torch.nn.Linear",
    "lightning.Trainer", [], {}, [[]], [1, 2, 3], [1] * 50, [None], {"a": 1}, {"": ""}, {"_args_": [1]},
    {"_partial_": True}, {"_target_": 5}, {"_target_": "torch.nn."}, {"_target_": "torch.nn.Identity"},
    {"_target_": "jlml.losses.Bernoulli"},
]
# fmt: on


@dataclass(frozen=True)
class Target:
    """A reader with good files for it.

    Args:
        read: writes the bytes to the file of this reader and reads it.
        good: contents that the reader accepts.
        share: share of all cases.
        trees: the contents of JSON or YAML files as containers, so that values can be changed too.
    """

    read: Callable[[bytes], Any]
    good: list[bytes]
    share: float
    trees: list[Any] = field(default_factory=list)


def targets(home: Path) -> dict[str, Target]:
    """Every reader of a data set file or a run file, by name. The files are in ``home``."""
    run, config = a_run(home / "run")
    path, labels = run.path, np.arange(20, dtype=np.uint8) % 10
    codes = [as_npy(np.linspace(-2, 2, 40).reshape(20, 2).astype(kind)) for kind in ("<f2", "<f4")]
    idx = [as_idx((2, 3, 4)), as_idx((30,)), as_idx((1, 2, 3, 4)), as_idx((0, 5))]
    metrics = run.metrics()
    metric = {"value": 0.1, "unit": "per pixel", "n": 5, "standard_error": 0.01}
    shared = {"seconds": 1.5, "settings": settings_of_part("codes", Evaluate())}
    part = {"status": "done", "metrics": {"mse": metric}, "notes": ["r"], **shared}
    part |= {"figures": [{"file": "codes_x.png", "caption": "a"}]}
    failed = {"status": "failed", "reason": "r", **shared}
    evaluation = {**identity(run, "best"), "parts": {"codes": part, "tsne": failed}}
    plan = {"over": ["seed"], "fixed": ["model=ae"], "jobs": {"run": {"seed": "0"}, "b": {"seed": "1"}}}
    (path / "evaluation").mkdir()
    (path / "evaluation" / "codes_x.png").touch()

    def read_run_metrics(content: bytes) -> None:
        (path / "metrics.json").write_bytes(content)
        run.metrics()
        results = [Sweep(home).result("run", {"seed": "0"})]
        results_csv(results)
        Console(file=io.StringIO()).print(ranking(results, "val/mse"))

    def read_config(content: bytes) -> None:
        run.checkpoint("best").write_bytes(checkpoint)
        (path / "config.yaml").write_bytes(content)
        Run.open(path).load_model()

    def read_checkpoint(content: bytes) -> None:
        run.record_config(config)
        (path / "checkpoints" / "best.ckpt").write_bytes(content)
        with suppress(UserError):
            step_of(run.checkpoint("best"))
        run.load_model()

    def read_pickle(content: bytes) -> None:
        """Reads a checkpoint with this pickle; everything else in it is correct."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, each in unpacked.items():
                archive.writestr(name, content if name.endswith("/data.pkl") else each)
        read_checkpoint(packed.getvalue())

    def read_as(name: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        def write_and_read(content: bytes) -> Any:
            (home / name).write_bytes(content)
            return read(home / name)

        return write_and_read

    def read_parts(content: bytes) -> Any:
        run.checkpoint("best").write_bytes(checkpoint)
        (path / "evaluation" / "metrics.json").write_bytes(content)
        return earlier_parts(run, "best", Evaluate())

    def read_codes(name: str) -> Callable[[bytes], Any]:
        def read(content: bytes) -> None:
            folder = path / "snapshots"
            for each, good in (("labels", as_npy(labels)), ("step_1", codes[0]), ("step_2", codes[1])):
                (folder / f"{each}.npy").write_bytes(content if each == name else good)
            kept_codes(folder, 2, 10)

        return read

    checkpoint = run.checkpoint("best").read_bytes()
    with zipfile.ZipFile(io.BytesIO(checkpoint)) as archive:
        unpacked = {name: archive.read(name) for name in archive.namelist()}
    (pickled,) = (each for name, each in unpacked.items() if name.endswith("/data.pkl"))
    return {
        "IDX": Target(read_as("images", read_idx), idx, 0.54),
        "IDX, gzipped": Target(read_as("images.gz", read_idx), [gzip.compress(file) for file in idx], 0.26),
        "config.yaml": Target(
            read_config, [(path / "config.yaml").read_bytes()], 0.006, [{**config, "callbacks": None}, config]
        ),
        "best.ckpt": Target(read_checkpoint, [checkpoint], 0.001),
        "data.pkl in best.ckpt": Target(read_pickle, [pickled], 0.002),
        "metrics.json": Target(read_run_metrics, [json.dumps(metrics).encode()], 0.07, [metrics]),
        "evaluation/metrics.json": Target(read_parts, [json.dumps(evaluation).encode()], 0.05, [evaluation]),
        "snapshots": Target(read_codes("step_2"), codes, 0.04),
        "snapshots/labels.npy": Target(read_codes("labels"), [as_npy(labels)], 0.035),
        "sweep.yaml": Target(
            read_as("sweep.yaml", lambda file: Sweep(file.parent).jobs()),
            [json.dumps(plan).encode()],
            0.006,
            [plan],
        ),
    }


def a_run(folder: Path) -> tuple[Run, dict[str, Any]]:
    """A small run with all files, but without training."""
    overrides = ("model=vae", "model.hidden=[4]", "data=mnist_5k", "scheduler=plateau", "data.root=data")
    config = {key: value for key, value in plain(compose(*overrides)).items() if key not in COMMAND_KEYS}
    config["image_shape"] = [1, 6, 6]
    model = build_model(config, (1, 6, 6))
    run = Run.at(folder)
    run.record_config(config)
    (folder / "checkpoints").mkdir()
    (folder / "snapshots").mkdir()
    content = {"state_dict": model.state_dict(), "config": config, "global_step": 5}
    torch.save(content, folder / "checkpoints" / "best.ckpt")
    run.write_metrics(
        {"status": "finished", "metrics": {"val/mse": 0.1, "test/mse": 0.2}, "fit_seconds": 1.5, "epochs": 2}
        | {"data": "mnist_5k", "error": "", "images_per_second": 1e4, "choices": {"model": "vae"}}
    )
    return run, config


def as_idx(shape: tuple[int, ...]) -> bytes:
    """An IDX file of this shape."""
    size = int(np.prod(shape))
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(range(size))


def mutated(target: Target, draw: random.Random) -> bytes:
    """A good file with one or more changes."""
    if target.trees and draw.random() < 0.6:
        tree = deepcopy(draw.choice(target.trees))
        for _ in range(draw.choice((1, 1, 2, 4))):
            change_a_value(tree, draw)
        content = json.dumps(tree).encode()
        if draw.random() < 0.7:
            return content
    else:
        content = draw.choice(target.good)
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        change_bytes(changed, target, draw)
    return bytes(changed)


def change_a_value(tree: Any, draw: random.Random) -> None:
    """Replaces, removes or adds a random value in the tree."""
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = draw.choice(keys)
        if not isinstance(node[key], (dict, list)) or not node[key] or draw.random() < 0.2:
            break
        node = node[key]
    how = draw.random()
    if how < 0.7:
        node[key] = deepcopy(draw.choice(VALUES))
    elif how < 0.85:
        del node[key]
    elif isinstance(node, dict):
        node[str(draw.choice((*VALUES[:40], *keys)))] = deepcopy(draw.choice(VALUES))
    else:
        node.append(deepcopy(draw.choice(VALUES)))


def change_bytes(content: bytearray, target: Target, draw: random.Random) -> None:
    """Damages the content in one of nine random ways, some of them typical of attacks."""
    at = draw.randrange(len(content) + 1)
    if draw.random() < 0.3:
        at = min(at, draw.randrange(24))  # headers
    length = min(int(draw.expovariate(1 / 8)) + 1, 4096)
    how = draw.randrange(9)
    if how == 0 and content:
        content[at % len(content)] ^= 1 << draw.randrange(8)
    elif how == 1 and content:
        content[at % len(content)] = draw.randrange(256)
    elif how == 2:
        del content[at:]
    elif how == 3:
        del content[at : at + length]
    elif how == 4:
        content[at:at] = content[at : at + length] * draw.choice((1, 1, 2, 50))
    elif how == 5:
        other = draw.choice(target.good)
        start = draw.randrange(len(other) + 1)
        content[at : at + length] = other[start : start + draw.choice((length, len(other)))]
    elif how == 6:
        content[at:at] = draw.choice(TOKENS)
    elif how == 7:
        number = draw.choice(NUMBERS) + draw.choice((-1, 0, 0, 1))
        size, order = draw.choice((1, 2, 4, 8)), draw.choice(("big", "little"))
        content[at : at + size] = (number % 256**size).to_bytes(size, order)  # type: ignore[arg-type]
    else:
        content[at : at + length] = draw.randbytes(length)


def check_good(target: Target) -> None:
    """Checks that good files can be read. Otherwise the damaged ones show nothing."""
    for content in (*target.good, *(json.dumps(tree).encode() for tree in target.trees)):
        assert target.read(content) != {}


@dataclass
class Tally:
    """The results of the cases of a target. Refusals are counted by the line that raised their cause."""

    cases: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    bugs: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    seconds: float = 0.0


def fuzz(target: Target, cases: int, seed: int) -> Tally:
    """Tests a reader with this number of damaged files."""
    draw, tally, started = random.Random(seed), Tally(), time.perf_counter()
    for _ in range(cases):
        content = mutated(target, draw)
        tally.cases += 1
        try:
            target.read(content)
            tally.read += 1
        except UserError as error:
            cause = error.__cause__ or error
            tally.refused[f"{type(cause).__name__} at {location_of(cause)}"] += 1
            if "\n" in str(error):
                tally.bugs.setdefault(f"several lines: {location_of(error)}", (content, str(error)))
        except Exception as error:
            name = f"{type(error).__name__} at {location_of(error)}"
            tally.bugs.setdefault(name, (content, traceback.format_exc()))
    tally.seconds = time.perf_counter() - started
    return tally


def location_of(error: BaseException) -> str:
    """The line that raised the error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def peak() -> float:
    """The peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints the results of every reader. Exits with 1 if there was a bug or the memory grew too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="number for all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of the readers to test")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # numpy warns about headers of Python 2
    shared = Path("/dev/shm")  # in memory, so that a million files are not written to disk
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        found = targets(Path(folder))
        chosen = {name: target for name, target in found.items() if not options.only or name in options.only}
        for target in chosen.values():  # first, so that the memory of lazy imports is not counted
            check_good(target)
            fuzz(target, 30, options.seed + 1)
        before, tallies = peak(), {}
        for name, target in chosen.items():
            tally = tallies[name] = fuzz(target, max(1, round(options.cases * target.share)), options.seed)
            print(
                f"{name:24} {tally.cases:9,} cases {tally.read:9,} read {tally.refused.total():9,} refused  "
                f"{len(tally.refused):3} kinds  {len(tally.bugs):3} bugs  {tally.seconds:6.1f} s  "
                f"peak {peak():6.0f} MB",
                flush=True,
            )
    growth = peak() - before
    print(
        f"{sum(tally.cases for tally in tallies.values()):,} cases, seed {options.seed}, "
        f"{len({kind for tally in tallies.values() for kind in tally.refused})} kinds of refusal, "
        f"{sum(tally.seconds for tally in tallies.values()):.0f} s, "
        f"peak memory {peak():.0f} MB, {growth:.0f} MB more than before the first case"
    )
    for name, tally in tallies.items():
        for bug, (content, trace) in tally.bugs.items():
            print(f"\n{name}: {bug}\n{content[:3000]!r}\n{trace}")
    if growth > MAX_GROWTH or any(tally.bugs for tally in tallies.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
