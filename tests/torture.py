"""Kills training runs with -9 at random moments, resumes them, and compares them with uninterrupted runs.

`make torture` uses full MNIST, every model and pixel treatment, and 20 kills per run. It prints a row per run
and writes `outputs/torture/torture.json`. It exits with 1 if a run differs in one bit of weights, optimizer,
random states, metrics or curves, or if it leaves a file that cannot be read.
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
MODELS = {
    "ae": ("model=ae", "trainer.max_epochs=8"),
    "conv_ae": ("model=conv_ae", "trainer.max_epochs=2"),
    "vae": ("model=vae", "trainer.max_epochs=3", "model.kl_warmup_epochs=2"),
}
LOSSES = {"grey": "mse", "dequantized": "cont_bern", "binarized": "bce"}
# write and draw as often as possible: a kill can come at each of these moments
OFTEN = ("checkpoints.steps=64", "draw_every=1", "scheduler=plateau", "early_stopping=1", "threads=1")


@dataclass
class Case:
    """One run, the kills, and the result."""

    model: str
    pixels: str
    kills: int = 0
    before_the_folder: int = 0  # kills before there was a run to resume
    steps: list[int] = field(default_factory=list)  # step of the last checkpoint after each kill
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    """Runs every requested case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--pixels", nargs="+", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--kills", type=int, default=20, help="number of kills per run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="parallel runs, one thread each")
    parser.add_argument("--folder", type=Path, default=ROOT / "outputs" / "torture", help="deleted first")
    parser.add_argument("overrides", nargs="*", help="for train.py, for example data.subset=2000")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns where a run was resumed
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
    record = {"seed": options.seed, "overrides": options.overrides, "cases": [asdict(case) for case in cases]}
    (options.folder / "torture.json").write_text(json.dumps(record, indent=2) + "\n")
    kills = sum(case.kills for case in cases)
    broken = [case for case in cases if case.differences]
    print(f"{kills} kills of {len(cases)} runs; {len(broken)} runs differ from the uninterrupted one.")
    sys.exit(bool(broken))


def tortured(case: Case, options: argparse.Namespace) -> Case:
    """Trains a run once without interruption and once with kills."""
    started = time.monotonic()
    moments = random.Random(f"{options.seed} {case.model} {case.pixels}")
    folder = options.folder / f"{case.model}_{case.pixels}"
    overrides = (*MODELS[case.model], f"loss={LOSSES[case.pixels]}", f"data.pixels={case.pixels}", *OFTEN)
    overrides += tuple(options.overrides)
    launched = time.monotonic()
    train(*overrides, f"output_dir={folder / 'uninterrupted'}").wait()
    uninterrupted = run_in(folder / "uninterrupted")
    assert uninterrupted is not None, "the uninterrupted run has no folder"
    fit = uninterrupted.metrics()["fit_seconds"]
    start_up = time.monotonic() - launched - fit
    first = (*overrides, f"output_dir={folder / 'cut'}")
    earliest, latest = start_up / 2, start_up + 2 * fit / options.kills
    while case.kills < options.kills:
        run = run_in(folder / "cut")
        process = train(*(first if run is None else (f"resume={run.path}",)))
        launched = time.monotonic()
        try:
            process.wait(moments.uniform(earliest, latest))
            earliest, latest = 0, time.monotonic() - launched  # it ended before the kill: kill earlier
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            case.kills += 1
            case.differences += damage(case, run_in(folder / "cut"))
    run = run_in(folder / "cut")
    process = train(*(first if run is None else (f"resume={run.path}",)))
    _, error = process.communicate()
    run = run_in(folder / "cut")
    if process.returncode != 0 or run is None:
        case.differences.append(f"ended with {process.returncode}: {error.strip()[-300:]}")
    else:
        case.differences += differences(run, uninterrupted)
        case.differences += [f"{path.name} is left over" for path in run.path.rglob(".*.[0-9]*")]
    case.seconds = time.monotonic() - started
    return case


def train(*overrides: str) -> subprocess.Popen[str]:
    """Starts `train.py` with these overrides."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "train.py", *overrides],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_in(parent: Path) -> Run | None:
    """The run in a folder; None if there is none that can be resumed."""
    found = [path.parent for path in parent.glob("*/config.yaml")]
    return Run.open(found[0]) if found else None


def damage(case: Case, run: Run | None) -> list[str]:
    """Names the files of a run that cannot be read after a kill."""
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
