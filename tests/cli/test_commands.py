"""The two commands, run as a user runs them: in new processes."""

import gc
import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import jlml
from conftest import run
from jlml.cli.announce import evaluation_in_words
from jlml.cli.command import check_flags, flags_last
from jlml.config.help import help_text
from jlml.errors import UserError
from jlml.speed.startup import importing

QUICK = ("data=mnist_5k", "data.subset=200", "trainer.max_epochs=1")


def test_train_then_evaluate(tmp_path):
    trained = run("train.py", *QUICK, "model=vae", "loss=cont_bern", f"output_dir={tmp_path}")
    assert trained.returncode == 0, trained.stderr
    for text in (
        "loss",
        "nats per image",
        "mse",
        "per pixel",
        "tensorboard --logdir",
        "python evaluate.py run=",
        "which has 4,000 training images",
    ):
        assert text in trained.stdout
    assert "Warning" not in trained.stderr
    (folder,) = tmp_path.iterdir()
    again = run("evaluate.py", f"run={folder}", "importance_samples=2", "parts=[objective,likelihood,codes]")
    assert again.returncode == 0, again.stderr
    for text in ("ELBO ↑, nats", "15-NN", str(folder / "evaluation" / "report.html")):
        assert text in again.stdout
    for part in ("objective", "likelihood"):
        assert re.search(rf"^{part} +\d+ s$", again.stderr, flags=re.MULTILINE)
    content = json.loads((folder / "evaluation" / "metrics.json").read_text())
    for line in trained.stdout.splitlines():
        if "│" in line:  # the evaluation finds the numbers that training reported
            names, _, test, _ = (cell.strip() for cell in line.strip("│").split("│"))
            found = content["parts"]["objective"]["metrics"].get(names.split(" = ")[0])
            assert found is None or found["value"] == pytest.approx(float(test), abs=0.006)


@pytest.mark.parametrize("question", ["--help", "--cfg job"])
@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_help_and_config_import_no_heavy_package(script, question):
    """Importing torch, or a package to draw or compute, takes longer than printing the answer."""
    heavy = ("torch", "lightning", "numpy", "matplotlib", "scipy", "sklearn", "pandas", "tensorboard")
    heavy += ("torchvision", "torchmetrics", "rich", "optuna")
    program = (
        "import runpy, sys; from contextlib import suppress; "
        f"sys.argv = [{script!r}, *{question.split()!r}]\n"
        f"with suppress(SystemExit): runpy.run_path({script!r}, run_name='__main__')\n"
        f"print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)"
    )
    answered = run("-c", program)
    assert (answered.returncode, answered.stderr) == (0, "\n")
    for key in ("latent:", "callbacks:") if script == "train.py" else ("run:", "checkpoint:"):
        assert key in answered.stdout


def test_help_explains_every_key_next_to_its_value():
    text = help_text("train", ["model=ae", "latent.dim=3"])
    assert re.search(r"\n  dim: 3 +# number of latent dimensions\n", text)
    assert "loss: bce, cont_bern, mse\n" in text
    assert "python train.py model=vae loss=cont_bern" in text
    lines = text.partition("Keys and their values")[2].partition("Then:")[0].splitlines()
    unexplained = {line.split(":")[0].strip() for line in lines if ": " in line and "#" not in line}
    assert unexplained == {"_target_", "_partial_", "fused", "scheduler"}  # Hydra, torch, empty group
    assert re.search(r"\nseed: 0 +# ", help_text("evaluate", []))


@pytest.mark.parametrize(
    ("given", "which"), [("mine", "last"), ("mine/checkpoints/epoch_0005.ckpt", "epoch_0005")]
)
def test_the_first_line_of_an_evaluation_names_its_checkpoint(given, which):
    config = {"run": given, "checkpoint": "last", "export": None}
    assert evaluation_in_words(config, Path("mine")) == f"Evaluating mine, {which} checkpoint"


def test_an_empty_jlml_data_variable_is_ignored():
    shown = run("train.py", "--cfg", "job", "--resolve", JLML_DATA="")
    assert "root: data\n" in shown.stdout, shown.stderr


def test_overrides_can_follow_a_flag():
    arguments = flags_last(["-m", "model=ae", "--cfg", "job", "latent=d8", "~callbacks.samples", "-c", "job"])
    assert arguments == [
        *("model=ae", "latent=d8", "~callbacks.samples", "-m", "--cfg", "job", "-c", "job"),
    ]
    assert "dim: 8\n" in run("train.py", "model=ae", "--cfg", "job", "latent=d8").stdout


def test_the_options_of_a_launcher_can_be_shown():
    shown = run("train.py", "hydra/launcher=joblib", "--cfg", "hydra", "--package", "hydra.launcher")
    assert "n_jobs" in shown.stdout, shown.stderr


def test_training_starts_without_importing_evaluation_sweeps_or_search(tmp_path):
    heavy = ("sklearn", "pandas", "optuna", "joblib", "ray")
    heavy += ("jlml.evaluation", "jlml.sweeps", "jlml.search")
    program = (
        "import runpy, sys, torch\n"
        f"def step(*_): sys.exit(repr([name for name in {heavy!r} if sys.modules.get(name)]))\n"
        "torch.optim.Adam.step = step\n"
        f"sys.argv = ['train.py', *{[*QUICK, f'output_dir={tmp_path}']!r}]\n"
        "runpy.run_path('train.py', run_name='__main__')"
    )
    assert run("-c", program).stderr == "[]\n"


def test_importing_pauses_the_garbage_collector_and_turns_it_on_again():
    gc.enable()
    gc.unfreeze()  # an earlier test may have frozen the collector
    with suppress(ImportError), importing():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path):
    for arguments, message in [
        (["train.py", "loss=contbern"], "loss=contbern is not a choice. Did you mean cont_bern?"),
        (["train.py", "latent.dim=0", f"output_dir={tmp_path / 'runs'}"], "latent.dim=0 is invalid"),
        (["evaluate.py", f"run={tmp_path}"], "is not a run folder"),
    ]:
        failed = run(*arguments)
        assert failed.returncode == 1
        assert failed.stderr.startswith("Error: ")
        assert message in failed.stderr
        assert len(failed.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
    assert "Traceback" in run("train.py", "loss=contbern", HYDRA_FULL_ERROR="1").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hlep"], "--hlep is not a flag. Did you mean --help?"),
        (["--latent.dim=3"], "Use latent.dim=3."),
        (["--cfg", "jobs"], "--cfg jobs is invalid: expected one of: job, hydra, all."),
        (["--cfg"], "--cfg  is invalid"),
    ],
)
def test_wrong_flags_are_refused(arguments, message):
    with pytest.raises(UserError) as refused:
        check_flags(arguments)
    assert message in str(refused.value)


def test_hydra_flags_are_accepted():
    for arguments in (
        [],
        ["-m", "seed=0,1"],
        ["--cfg", "job"],
        ["-c=all"],
        ["--info", "plugins"],
        ["--help"],
    ):
        check_flags(arguments)


def test_the_error_of_an_export_without_onnx_names_what_to_install(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "jlml.evaluation.onnx_file", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"An export needs ONNX: pip install 'jlml\[onnx\]'\."):
        jlml.evaluate(f"run={folder}", "export=onnx")


@pytest.mark.robustness
def test_the_error_of_a_search_without_optuna_names_what_to_install():
    program = (
        "import runpy, sys; sys.modules['optuna'] = None; sys.argv = ['train.py', 'search=vae']; "
        "runpy.run_path('train.py', run_name='__main__')"
    )
    failed = run("-c", program)
    assert (failed.returncode, failed.stderr) == (
        1,
        "Error: A search needs Optuna: pip install 'jlml[search]'.\n",
    )
