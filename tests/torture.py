"""Kills training runs with -9 at random moments, goes on with them, and compares them with undisturbed ones.

`make torture`: full MNIST, every model and pixel treatment, 20 kills each; prints a row a run and writes
`outputs/torture/torture.json`. Exits with 1 if any run differs in one bit of weights, optimizer, random
numbers, metrics or curves, or leaves a file that cannot be read.
"""

import argparse
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from same import differences

from jlml.runs import Run

ROOT = Path(__file__).parent.parent
WORDS = {
    "ae": ("model=ae", "trainer.max_epochs=8"),
    "conv_ae": ("model=conv_ae", "trainer.max_epochs=2"),
    "vae": ("model=vae", "trainer.max_epochs=3", "model.kl_warmup_epochs=2"),
}
LOSSES = {"grey": "mse", "dequantized": "cont_bern", "binarized": "bce"}
# as many writes and draws as there can be: each is a moment at which a kill may come
EVERY = ("checkpoints.steps=64", "draw_every=1", "scheduler=plateau", "early_stopping=1", "threads=1")


@dataclass
class Case:
    """One run, what was done to it, and what came of it."""

    model: str
    pixels: str
    kills: int = 0
    before_the_folder: int = 0  # kills so early that nothing was there to go on with
    steps: list[int] = field(default_factory=list)  # of the last checkpoint after each kill
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    """Tortures every run that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", nargs="+", default=list(WORDS), choices=list(WORDS))
    parser.add_argument("--pixels", nargs="+", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--kills", type=int, default=20, help="of each run")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side, a thread each")
    parser.add_argument("--folder", type=Path, default=ROOT / "outputs" / "torture", help="emptied first")
    parser.add_argument("words", nargs="*", help="more for train.py, as data.subset=2000")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns of every place where a run went on
    cases = [Case(model, pixels) for model in options.models for pixels in options.pixels]
    print(f"{'run':24}{'kills':>6}{'too early':>10}{'seconds':>9}  differs in  (steps saved, in hundreds)")
    with ThreadPoolExecutor(options.jobs) as pool:
        for case in pool.map(partial(tortured, options=options), cases):
            steps = " ".join(f"{step / 100:.0f}" for step in case.steps)
            print(
                f"{case.model + ', ' + case.pixels:24}{case.kills:6}{case.before_the_folder:10}"
                f"{case.seconds:9.0f}  {', '.join(case.differences[:5]) or 'nothing'}  ({steps})",
                flush=True,
            )
    record = {"seed": options.seed, "words": options.words, "cases": [asdict(case) for case in cases]}
    (options.folder / "torture.json").write_text(json.dumps(record, indent=2) + "\n")
    kills = sum(case.kills for case in cases)
    broken = [case for case in cases if case.differences]
    print(f"{kills} kills of {len(cases)} runs; {len(broken)} runs differ from the undisturbed one.")
    sys.exit(bool(broken))


def tortured(case: Case, options: argparse.Namespace) -> Case:
    """Trains the run once in peace, and once under kills."""
    started = time.monotonic()
    moments = random.Random(f"{options.seed} {case.model} {case.pixels}")
    folder = options.folder / f"{case.model}_{case.pixels}"
    words = (*WORDS[case.model], f"loss={LOSSES[case.pixels]}", f"data.pixels={case.pixels}", *EVERY)
    words += tuple(options.words)
    begun = time.monotonic()
    train(*words, f"output_dir={folder / 'whole'}").wait()
    whole = run_in(folder / "whole")
    assert whole is not None, "the undisturbed run made no folder"
    fit = whole.metrics()["fit_seconds"]
    start_up = time.monotonic() - begun - fit
    again = (*words, f"output_dir={folder / 'cut'}")
    earliest, latest = start_up / 2, start_up + 2 * fit / options.kills
    while case.kills < options.kills:
        run = run_in(folder / "cut")
        process = train(*(again if run is None else (f"resume={run.path}",)))
        begun = time.monotonic()
        try:
            process.wait(moments.uniform(earliest, latest))
            earliest, latest = 0, time.monotonic() - begun  # it is over sooner than that from now on
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            case.kills += 1
            case.differences += damage(case, run_in(folder / "cut"))
    run = run_in(folder / "cut")
    process = train(*(again if run is None else (f"resume={run.path}",)))
    _, error = process.communicate()
    run = run_in(folder / "cut")
    if process.returncode != 0 or run is None:
        case.differences.append(f"ended with {process.returncode}: {error.strip()[-300:]}")
    else:
        case.differences += differences(run, whole)
        case.differences += [f"{path.name} lies about" for path in run.path.rglob(".*.[0-9]*")]
    case.seconds = time.monotonic() - started
    return case


def train(*words: str) -> subprocess.Popen[str]:
    """`train.py` with these words, under way."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "train.py", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_in(parent: Path) -> Run | None:
    """The run in a folder, once it has come so far that one can go on with it."""
    found = [path.parent for path in parent.glob("*/config.yaml")]
    return Run.open(found[0]) if found else None


def damage(case: Case, run: Run | None) -> list[str]:
    """What cannot be read of a run that has just been killed."""
    if run is None:
        case.before_the_folder += 1
        return []
    found = [] if run.state() in ("cut off", "finished", "not begun") else [f"state {run.state()}"]
    for name in ("best", "last"):
        path = run.path / "checkpoints" / f"{name}.ckpt"
        step = 0
        if path.is_file():
            try:
                step = torch.load(path, weights_only=True)["global_step"]
            except Exception as error:
                found.append(f"{path.name} after kill {case.kills}: {error}")
        if name == "last":
            case.steps.append(step)
    for path in run.path.glob("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError as error:
            found.append(f"{path.name} after kill {case.kills}: {error}")
    return found


if __name__ == "__main__":
    main()
