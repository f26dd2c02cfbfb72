"""`train.py -m` from its words to its answer, in a straight line. What jobs do is in `job`."""

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from jlml.cli import SWEEPS
from jlml.config import CONF, check, plain
from jlml.errors import UserError, gist
from jlml.files import write_whole
from jlml.sweeps.folder import Result, Sweep
from jlml.sweeps.plan import check_jobs, is_hydra, plan_of
from jlml.sweeps.threads import threads_for
from jlml.sweeps.watch import Watch, outcome, ranking, wide_console, words_of

JOBS_AT_ONCE = "hydra.launcher.n_jobs"
PLUGINS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}  # and the extra that brings it


def sweep(main: Callable[[], None]) -> None:
    """Plans the sweep that the command line asks for, runs what is left of it, and says what came of it.

    Args:
        main: the Hydra app, which runs a job at a time with whatever launcher was chosen.

    Raises:
        UserError: the words are wrong, before anything is trained; or jobs have failed, after all that can
            be shown.
    """
    # ours has the plugin's name, so that both are chosen alike; Hydra warns of that
    warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/", category=UserWarning)
    words = [argument for argument in sys.argv[1:] if argument not in SWEEPS]
    flags = [word for word in words if word.startswith("-")]
    if flags:
        raise UserError(f"train.py -m takes words like key=value beside -m, and not {flags[0]}.")
    if "hydra/launcher=joblib" in words and not any(word.startswith(JOBS_AT_ONCE) for word in words):
        words.append(f"{JOBS_AT_ONCE}=-1")  # one a core; the plugin's default is 10 on any machine
    fixed, composed = settings_of(words)
    plan = plan_of(words, composed.hydra.sweeper.get("params"))
    cfg = plain(OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"]))
    check(cfg)
    check_jobs(plan, fixed)

    name = cfg["sweep"]["name"] or plan.name
    folder = Sweep(Path(cfg["output_dir"]) / "sweeps" / name)
    folder.record(plan)
    threads = cfg["threads"] or threads_for(composed.hydra.launcher, len(plan.jobs))
    # how a job knows its place: it sees nothing but its own words
    over = ",".join(f"'{key}'" for key in plan.factors)
    place = str(folder.path.resolve()).replace("'", "\\'")
    sys.argv[1:] = [
        "-m",
        *words,
        f"sweep.name={name}",
        f"sweep.over=[{over}]",
        f"threads={threads or 'null'}",
        f"hydra.sweep.dir='{place}'",
    ]

    jobs = list(plan.jobs)
    try:
        with Watch(folder, jobs, cfg["sweep"]["rank"]):
            run_to_the_end(main, folder, jobs)
    except (KeyboardInterrupt, SystemExit):
        sys.exit(f"Interrupted. The same command goes on with the sweep, in {folder.path}.")
    finally:
        folder.write_results()
    conclude(folder, jobs, cfg["sweep"]["rank"])


def settings_of(words: Sequence[str]) -> tuple[list[str], DictConfig]:
    """The words that are the same for all jobs, and the config that they give, with Hydra's part.

    Raises:
        UserError: the launcher or the sweeper cannot be had.
    """
    overrides = OverridesParser.create().parse_overrides(list(words))
    same = [override for override in overrides if not override.is_sweep_override()]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        lines = [str(override.input_line) for override in same]
        composed = compose("train", lines, return_hydra_config=True)
    if not composed.hydra.sweeper._target_.endswith("BasicSweeper"):
        raise UserError("hydra/sweeper= takes basic only: it knows its jobs before it begins.")
    plugin = str(composed.hydra.launcher._target_).removeprefix("hydra_plugins.").split(".")[0]
    if plugin in PLUGINS and find_spec(f"hydra_plugins.{plugin}") is None:
        extra = PLUGINS[plugin]
        raise UserError(f"This launcher needs a package that is not installed: pip install 'jlml[{extra}]'.")
    return [line for line, override in zip(lines, same, strict=True) if not is_hydra(override)], composed


def run_to_the_end(main: Callable[[], None], folder: Sweep, jobs: Sequence[str]) -> None:
    """Runs the jobs, again where the system has killed a worker: a job whose worker dies twice has failed."""
    killed: set[str] = set()
    while True:
        before = {job: folder.result(job).record for job in jobs}
        try:
            main()
            return
        except BrokenExecutor:  # joblib's, when a worker is gone
            cut_off = {
                result.job
                for result in map(folder.result, jobs)
                if result.status == "running" and result.record != before[result.job]
                if not folder.is_held(result.job)
            }
            for job in cut_off & killed:
                reason = "its process was killed twice, perhaps for want of memory"
                record = folder.result(job).record | {"status": "failed", "error": reason}
                write_whole(folder.path / job / "metrics.json", json.dumps(record, indent=2) + "\n")
            if not cut_off:
                raise UserError(
                    "A worker was killed before its job began. The same command goes on."
                ) from None
            killed |= cut_off
        except Exception as error:
            if type(error).__module__.split(".")[0] in ("ray", "submitit"):
                raise UserError(f"The launcher gave up: {gist(error)}. The same command goes on.") from error
            raise


def conclude(folder: Sweep, jobs: Sequence[str], metric: str) -> None:
    """The ranking, where everything is, and what has failed.

    Raises:
        UserError: some jobs have failed, or are not done.
    """
    console = wide_console()
    results = [folder.result(job) for job in jobs]
    console.print(ranking(results, metric))
    by_status: dict[str, list[Result]] = {}
    for result in results:
        by_status.setdefault(result.status, []).append(result)
    if any(result.status == "finished" for result in results):
        # here: comparing takes scipy and its like, which no job waits for
        from jlml.evaluation.tables import as_rich
        from jlml.sweeps.answer import answer_of, write_answer

        answer = answer_of(folder.results())  # also what earlier commands of this name have trained
        table = answer.table()
        console.print(as_rich(table, table.title))
        for file in write_answer(folder, answer):
            console.print(f"Answer        {folder.path / file}", highlight=False, markup=False)
    console.print(f"Sweep folder  {folder.path}", highlight=False, markup=False)
    console.print(f"Results       {folder.path / 'results.csv'}", highlight=False, markup=False)
    console.print(
        f"Evaluate it   python evaluate.py {quote(f'sweep={folder.path}')}", highlight=False, markup=False
    )
    if any(result.record.get("data") == "mnist_5k" for result in results):
        console.print(
            "[bold yellow]Trained on mnist_5k: 4,000 images, not MNIST's 55,000.[/]", highlight=False
        )
    failed = by_status.get("failed", [])
    for result in failed:
        console.print(f"Failed: {words_of(result)}: {outcome(result, metric)}", style="red", markup=False)
    undone = len(results) - len(by_status.get("finished", [])) - len(failed)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(results)} jobs failed. The same command with sweep.retry=true tries them "
            "again."
        )
    if undone:
        raise UserError(f"{undone} of {len(results)} jobs are not done: another process is at them.")
