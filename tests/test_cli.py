"""The two doors as a user meets them: whole processes."""

import gc
import json
from argparse import Namespace
from contextlib import suppress

import pytest
from hydra import initialize_config_dir

from conftest import run
from jlml.cli import importing
from jlml.config import CONF

QUICK = ("data=mnist_5k", "data.subset=200", "trainer.max_epochs=1")


@pytest.fixture(autouse=True)
def no_answer_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("JLML_CACHE", str(tmp_path / "cache"))


def test_train_then_evaluate(tmp_path):
    trained = run("train.py", *QUICK, "model=vae", "loss=cont_bern", f"output_dir={tmp_path}")
    assert trained.returncode == 0, trained.stderr
    for word in (
        "loss",
        "nats per image",
        "mse",
        "per pixel",
        "tensorboard --logdir",
        "python evaluate.py run=",
        "which has 4,000 training images",
    ):
        assert word in trained.stdout
    assert "Warning" not in trained.stderr
    (folder,) = tmp_path.iterdir()
    again = run("evaluate.py", f"run={folder}", "importance_samples=2", "parts=[objective,likelihood,codes]")
    assert again.returncode == 0, again.stderr
    for word in ("ELBO", "nats per image", "15-NN", str(folder / "evaluation" / "report.html")):
        assert word in again.stdout
    for word in ("objective", "likelihood", "0:00:0"):  # what takes how long
        assert word in again.stderr
    content = json.loads((folder / "evaluation" / "metrics.json").read_text())
    for line in trained.stdout.splitlines():
        if "│" in line:  # the same numbers from the folder alone
            name, _, test, _ = (cell.strip() for cell in line.strip("│").split("│"))
            found = content["parts"]["objective"]["metrics"][name]["value"]
            assert found == pytest.approx(float(test), abs=0.006)


@pytest.mark.parametrize("word", ["--help", "--cfg job"])
@pytest.mark.parametrize("door", ["train.py", "evaluate.py"])
def test_help_and_config_need_neither_torch_nor_optuna(door, word):
    program = (
        "import runpy, sys; sys.modules |= dict.fromkeys(['torch', 'lightning', 'optuna']); "
        f"sys.argv = [{door!r}, *{word.split()!r}]; runpy.run_path({door!r}, run_name='__main__')"
    )
    shown = run("-c", program)
    assert shown.returncode == 0, shown.stderr
    for key in ("latent:", "callbacks:") if door == "train.py" else ("run:", "checkpoint:"):
        assert key in shown.stdout


@pytest.mark.parametrize("door", ["train", "evaluate"])
def test_help_is_what_hydra_makes_of_its_template(door, monkeypatch, capsys):
    from hydra._internal.utils import get_args_parser
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    from jlml.config.help import help_text

    words = ["model=ae", "latent.dim=3"] if door == "train" else ["run=outputs/some"]
    monkeypatch.setattr(HydraConfig, "set_config", lambda self, cfg: None)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        parser, asked = get_args_parser(), Namespace(overrides=words, resolve=False)
        GlobalHydra.instance().hydra.app_help(door, parser, asked)
    assert help_text(door, words) + "\n" == capsys.readouterr().out


def test_a_question_starts_no_more_than_it_needs():
    """Launchers, their plugins and all that draws or computes: each costs more than the answer."""
    heavy = ("torch", "lightning", "numpy", "matplotlib", "scipy", "sklearn", "pandas", "tensorboard")
    heavy += ("torchvision", "torchmetrics", "hydra_plugins.hydra_ray_launcher", "joblib", "ray", "rich")
    for word in ("--help", "--cfg job"):
        program = (
            "import runpy, sys; from contextlib import suppress; "
            f"sys.argv = ['train.py', *{word.split()!r}]\n"
            "with suppress(SystemExit): runpy.run_path('train.py', run_name='__main__')\n"
            f"print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)"
        )
        answered = run("-c", program)
        assert "latent:" in answered.stdout
        assert (answered.returncode, answered.stderr) == (0, "\n")


def test_an_empty_place_of_the_data_is_as_good_as_none():
    shown = run("train.py", "--cfg", "job", "--resolve", JLML_DATA="")
    assert "root: data\n" in shown.stdout, shown.stderr


def test_a_launcher_can_still_be_asked_about():
    shown = run("train.py", "hydra/launcher=joblib", "--cfg", "hydra", "--package", "hydra.launcher")
    assert "n_jobs" in shown.stdout, shown.stderr


def test_a_run_takes_its_first_step_without_what_only_an_evaluation_needs(tmp_path):
    """scipy and matplotlib are no fault of ours: Lightning imports them."""
    heavy = ("sklearn", "pandas", "optuna", "joblib", "ray", "hydra_plugins")
    heavy += ("jlml.evaluation", "jlml.sweeps", "jlml.search")
    program = (
        "import runpy, sys, torch\n"
        f"def step(*_): sys.exit(repr([name for name in {heavy!r} if sys.modules.get(name)]))\n"
        "torch.optim.Adam.step = step\n"
        f"sys.argv = ['train.py', *{[*QUICK, f'output_dir={tmp_path}']!r}]\n"
        "runpy.run_path('train.py', run_name='__main__')"
    )
    began = run("-c", program)
    assert began.stderr == "[]\n"


def test_importing_collects_no_garbage_and_leaves_the_collector_on():
    gc.enable()
    gc.unfreeze()  # another test may have imported so before
    with suppress(ImportError), importing():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path):
    for words, says in [
        (["train.py", "loss=contbern"], "loss=contbern is not a choice. Did you mean cont_bern?"),
        (["train.py", "latent.dim=0", f"output_dir={tmp_path / 'runs'}"], "latent.dim=0 is not possible."),
        (["train.py", "-m", "search=vae", "seed=0,1"], "search=... is many runs already: leave -m out."),
        (["train.py", "latent=30"], "A number goes to a key: latent.dim=30."),
        (["evaluate.py", f"run={tmp_path}"], "is not a run folder"),
        (["evaluate.py"], "Say run=<folder> to evaluate one run"),
    ]:
        failed = run(*words)
        assert failed.returncode == 1
        assert failed.stderr.startswith("Error: ")
        assert says in failed.stderr
        assert len(failed.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
    assert "Traceback" in run("train.py", "loss=contbern", HYDRA_FULL_ERROR="1").stderr


def test_a_search_without_optuna_says_what_to_install():
    program = (
        "import runpy, sys; sys.modules['optuna'] = None; sys.argv = ['train.py', 'search=vae']; "
        "runpy.run_path('train.py', run_name='__main__')"
    )
    failed = run("-c", program)
    assert (failed.returncode, failed.stderr) == (
        1,
        "Error: A search needs Optuna: pip install 'jlml[search]'.\n",
    )
