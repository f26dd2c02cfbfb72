"""`train.py -m`, step by step, from its overrides to its results. `job` has the work of each job."""

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from jlml.config import CONF, override
from jlml.config.compose import task_and_hydra
from jlml.errors import Stopped, UserError
from jlml.sweeps.folder import Result, Sweep
from jlml.sweeps.launch import run_jobs, tied_workers
from jlml.sweeps.plan import Plan, check_jobs, check_rank, plan_of
from jlml.sweeps.threads import threads_for
from jlml.sweeps.watch import Watch

MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")
PLUGINS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}  # package -> extra of jlml


@dataclass(frozen=True)
class Swept:
    """A sweep after its jobs have run.

    Args:
        sweep: folder of the sweep.
        plan: jobs of this command; an earlier command may have planned more jobs in the folder.
        rank: metric of the ranking.
    """

    sweep: Sweep
    plan: Plan
    rank: str

    @property
    def results(self) -> list[Result]:
        """The results of this command's jobs."""
        return [self.sweep.result(job, factors) for job, factors in self.plan.jobs.items()]


def sweep(app: Callable[[], None]) -> Swept:
    """Plans the sweep of the command line, and runs its unfinished jobs.

    Args:
        app: Hydra app, which runs the jobs with the chosen launcher.

    Raises:
        UserError: an override is invalid, before anything is trained; or a job's folder cannot be used.
    """
    given = overrides_in(sys.argv[1:])
    overrides, hydra = parsed(given)
    plan = plan_of(overrides)
    fixed = [str(each.input_line) for each in overrides if is_same_for_all(each)]
    configs = check_jobs(plan, fixed)
    cfg = configs[0]  # what the jobs share; a key without a default may be a swept one
    metric = cfg["sweep"]["rank"]
    check_rank(metric, configs)
    threads = cfg["threads"] or threads_for(hydra.launcher, len(plan.jobs))

    folder = Sweep(Path(cfg["output_dir"]) / "sweeps" / (cfg["sweep"]["name"] or plan.name))
    folder.record(plan)
    place = override("hydra.sweep.dir", str(folder.path.resolve()))  # the jobs read the plan there
    try:
        with Watch(folder, plan.jobs, metric), tied_workers(hydra.launcher) as tied:
            run_jobs(app, [*given, f"threads={threads or 'null'}", place, *tied], folder, plan)
    except (KeyboardInterrupt, SystemExit) as end:
        raise Stopped.after(
            end, f"Interrupted. The same command resumes the sweep, in {folder.path}."
        ) from None
    finally:
        folder.write_results()
    return Swept(folder, plan, metric)


def overrides_in(arguments: Sequence[str]) -> list[str]:
    """The overrides among the arguments of a command line.

    Raises:
        UserError: there is another flag than -m, which a sweep would ignore.
    """
    overrides = [argument for argument in arguments if argument not in MULTIRUN]
    for argument in overrides:
        if argument.startswith("-"):
            raise UserError(f"{argument} is invalid in a sweep: expected -m and overrides, key=value.")
    return overrides


def parsed(given: Sequence[str]) -> tuple[list[Override], DictConfig]:
    """The parsed overrides, and Hydra's own config.

    Values that the config itself sweeps (hydra.sweeper.params) count as overrides.

    Raises:
        UserError: the launcher is not installed, or the sweeper is not Hydra's basic one.
    """
    # jlml's launcher configs have the names of the plugins' configs, and Hydra warns about that
    warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/", category=UserWarning)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides(list(given))
    same = [str(each.input_line) for each in overrides if not each.is_sweep_override()]
    _, hydra = task_and_hydra(same, "train")
    params = hydra.sweeper.get("params") or {}
    overrides = parser.parse_overrides([f"{key}={value}" for key, value in params.items()]) + overrides
    if not hydra.sweeper._target_.endswith("BasicSweeper"):
        raise UserError("hydra/sweeper is invalid: expected basic. To search for good values, use search=...")
    plugin = str(hydra.launcher._target_).removeprefix("hydra_plugins.").split(".")[0]
    if plugin in PLUGINS and find_spec(f"hydra_plugins.{plugin}") is None:
        extra = PLUGINS[plugin]
        raise UserError(f"This launcher needs a package that is not installed: pip install 'jlml[{extra}]'.")
    return overrides, hydra


def is_same_for_all(given: Override) -> bool:
    """Whether an override sets one value for all jobs."""
    return not given.is_sweep_override() and not given.is_hydra_override()
