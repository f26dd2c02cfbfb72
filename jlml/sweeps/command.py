"""`train.py -m` from its words to its answer, in a straight line. What jobs do is in `job`."""

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from importlib.util import find_spec
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from jlml.config import CONF, check, plain
from jlml.config import command_line as command
from jlml.config import override as word
from jlml.errors import UserError, first_line
from jlml.files import read_json, write_atomically
from jlml.sweeps.folder import ENDED, Result, Sweep
from jlml.sweeps.plan import check_jobs, check_rank, plan_of
from jlml.sweeps.threads import threads_for
from jlml.sweeps.watch import Watch, outcome, ranking, wide_console, words_of

MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")
ON_MNIST_5K = "Trained on mnist_5k, which has 4,000 training images where MNIST has 55,000."
JOBS_AT_ONCE = "hydra.launcher.n_jobs"
LAUNCHERS = ("joblib", "multiprocessing", "ray", "submitit")  # whose own errors are no fault of ours
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
    words = words_given(sys.argv[1:])
    overrides, composed = parsed(words)
    cfg = plain(OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"]))
    check(cfg)
    plan = plan_of(overrides)
    metric = cfg["sweep"]["rank"]
    check_rank(metric, check_jobs(plan, [str(o.input_line) for o in overrides if is_the_same_for_all(o)]))
    threads = cfg["threads"] or threads_for(composed.hydra.launcher, len(plan.jobs))

    name = cfg["sweep"]["name"] or plan.name
    folder = Sweep(Path(cfg["output_dir"]) / "sweeps" / name)
    folder.record(plan)
    # how a job knows its place: it sees nothing but its own words
    over = ",".join(f"'{key}'" for key in plan.factors)
    threads_word = f"threads={threads or 'null'}"
    place = word("hydra.sweep.dir", str(folder.path.resolve()))
    words += [f"sweep.name={name}", f"sweep.over=[{over}]", threads_word, place]

    try:
        with Watch(folder, plan.jobs, metric):
            run_to_the_end(main, words, folder, plan.jobs)
    except (KeyboardInterrupt, SystemExit):
        sys.exit(f"Interrupted. The same command goes on with the sweep, in {folder.path}.")
    finally:
        folder.write_results()
    conclude(folder, plan.jobs, metric)


def words_given(arguments: Sequence[str]) -> list[str]:
    """The words of a command line.

    Raises:
        UserError: it has flags that a sweep would not heed.
    """
    words = [argument for argument in arguments if argument not in MULTIRUN]
    flags = [word for word in words if word.startswith("-")]
    if flags:
        raise UserError(f"train.py -m takes words like key=value beside -m, and not {flags[0]}.")
    if "hydra/launcher=joblib" in words and not any(word.startswith(JOBS_AT_ONCE) for word in words):
        words.append(f"{JOBS_AT_ONCE}=-1")  # one a core; the plugin's default is 10 on any machine
    return words


def parsed(words: Sequence[str]) -> tuple[list[Override], DictConfig]:
    """The words as Hydra reads them, and the config, with Hydra's part, of those that are not swept.

    Values that the config itself sweeps (hydra.sweeper.params) are words as well.

    Raises:
        UserError: the launcher or the sweeper cannot be had.
    """
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        overrides = parser.parse_overrides(list(words))
        same = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
        composed = compose("train", same, return_hydra_config=True)
    params = composed.hydra.sweeper.get("params") or {}
    overrides = parser.parse_overrides([f"{key}={value}" for key, value in params.items()]) + overrides
    if not composed.hydra.sweeper._target_.endswith("BasicSweeper"):
        raise UserError("hydra/sweeper= takes basic only: it knows its jobs before it begins.")
    plugin = str(composed.hydra.launcher._target_).removeprefix("hydra_plugins.").split(".")[0]
    if plugin in PLUGINS and find_spec(f"hydra_plugins.{plugin}") is None:
        extra = PLUGINS[plugin]
        raise UserError(f"This launcher needs a package that is not installed: pip install 'jlml[{extra}]'.")
    return overrides, composed


def is_the_same_for_all(override: Override) -> bool:
    """Whether a word is about runs, and has one value."""
    return not override.is_sweep_override() and not override.is_hydra_override()


def run_to_the_end(
    main: Callable[[], None], words: Sequence[str], folder: Sweep, jobs: Mapping[str, dict[str, str]]
) -> None:
    """Runs the jobs, again where the system has killed a worker of joblib.

    All workers end with one. So each of those that were at work goes on alone: the job that kills its
    process again has failed, and then the rest goes on.
    """
    killed: set[str] = set()
    suspects: list[str] = []
    while True:
        only = [f"sweep.only=['{suspects[0]}']"] if suspects else []
        sys.argv[1:] = ["-m", *words, *only]
        before = {job: folder.result(job, factors).record for job, factors in jobs.items()}
        try:
            main()
            if not suspects:
                return
            suspects.pop(0)
        except BrokenExecutor:  # joblib's, when a worker is gone
            at_work = [
                result.job
                for result in (folder.result(job, factors) for job, factors in jobs.items())
                if result.status == "running" and result.record != before[result.job]
                if not folder.is_held(result.job)
            ]
            if not at_work:
                raise UserError(
                    "A worker was killed before its job began. The same command goes on."
                ) from None
            if len(at_work) == 1 and at_work[0] in killed:
                reason = "its process was killed twice, perhaps for want of memory"
                metrics = folder.path / at_work[0] / "metrics.json"
                record = read_json(metrics) | {"status": "failed", "error": reason}
                write_atomically(metrics, json.dumps(record, indent=2) + "\n")
            killed.update(at_work)
            suspects = [job for job in suspects or at_work if is_undone(folder.result(job, jobs[job]))]
        except Exception as error:
            if type(error).__module__.split(".")[0] in LAUNCHERS:
                raise UserError(
                    f"The launcher gave up: {first_line(error)}. The same command goes on."
                ) from error
            raise


def is_undone(result: Result) -> bool:
    """Whether there is something left to do."""
    return result.status not in ENDED


def conclude(folder: Sweep, jobs: Mapping[str, dict[str, str]], metric: str) -> None:
    """The ranking, where everything is, and what has failed.

    Raises:
        UserError: some jobs have failed, or are not done.
    """
    console = wide_console()
    results = [folder.result(job, factors) for job, factors in jobs.items()]
    console.print(ranking(results, metric))
    by_status: dict[str, list[Result]] = {}
    for result in results:
        by_status.setdefault(result.status, []).append(result)
    if any(result.status == "finished" for result in results):
        # here: comparing takes scipy and its like, which no job waits for
        from jlml.comparison.tables import as_rich
        from jlml.sweeps.answer import answer_of, write_answer

        answer = answer_of(folder)  # also what earlier commands of this name have trained
        console.print(as_rich(answer.table()))
        if answer.warning:
            console.print(f"[bold yellow]{answer.warning}[/]", highlight=False)
        for file in write_answer(folder, answer):
            console.print(f"Answer        {folder.path / file}", highlight=False, markup=False)
    console.print(f"Sweep folder  {folder.path}", highlight=False, markup=False)
    console.print(f"Results       {folder.path / 'results.csv'}", highlight=False, markup=False)
    evaluation = command("evaluate.py", word("sweep", str(folder.path)))
    console.print(f"Evaluate it   {evaluation}", highlight=False, markup=False)
    if any(result.record.get("data") == "mnist_5k" for result in results):
        console.print(f"[bold yellow]{ON_MNIST_5K}[/]", highlight=False)
    failed = by_status.get("failed", [])
    for result in failed:
        console.print(f"Failed: {words_of(result)}: {outcome(result, metric)}", style="red", markup=False)
    undone = [result for result in results if is_undone(result)]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(results)} jobs failed. The same command with sweep.retry=true tries them "
            "again."
        )
    if undone:
        held = any(folder.is_held(result.job) for result in undone)
        why = "another process is at them" if held else "the same command goes on with them"
        raise UserError(f"{len(undone)} of {len(results)} jobs are not done: {why}.")
