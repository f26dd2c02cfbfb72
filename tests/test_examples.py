"""The examples run as their headers say: trained, resumed, evaluated, explored and swept."""

import json
import re
import shlex

import pytest
import torch

import jlml
from conftest import ROOT, SMALL, run
from jlml.models.ae import AE
from jlml.training.resume import resume

QUICK = (
    "data=mnist_5k",
    "data.subset=150",
    "trainer.max_epochs=1",
    "draw_every=null",
    "callbacks.manifold.side=4",
)
FILES = sorted(file for file in (ROOT / "examples").glob("*.py") if file.stem not in ("plain_loop", "tour"))


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The examples are found as by `python train.py`, whose folder is the first on the path."""
    monkeypatch.syspath_prepend(ROOT)


def overrides_of(file):
    """The overrides of the command in an example's header."""
    (command,) = re.findall(r"^    python train\.py ((?:.*\\\n)*.*)$", file.read_text(), flags=re.MULTILINE)
    return shlex.split(command.replace("\\\n", " "))


# by default one model and one network; the others are robustness tests
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, marks=() if file.stem in ("denoising_ae", "residual") else pytest.mark.robustness)
        for file in FILES
    ],
    ids=lambda file: file.stem,
)
def test_an_example_is_short_and_trains_resumes_and_evaluates(file, tmp_path):
    assert len(file.read_text().splitlines()) <= 60
    trained = jlml.train(*overrides_of(file), *QUICK, parent=tmp_path)
    again = resume(trained.run.path, ["trainer.max_epochs=2"], trust=True)
    evaluation = jlml.evaluate(again.run, parts=["reconstruction", "codes", "explorer"], trust=True)
    assert not evaluation.failed
    page = (evaluation.folder / "explorer.html").read_text()
    assert ("Block" in page) == (file.stem == "residual")  # a layer that the page cannot compute


@pytest.mark.robustness
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_runs_as_a_command_and_in_a_sweep(file, tmp_path):
    swept = run("train.py", "-m", *overrides_of(file), *QUICK, "seed=0,1", f"output_dir={tmp_path}")
    assert swept.returncode == 0, swept.stderr
    compared = run("evaluate.py", f"runs={tmp_path}", "parts=[reconstruction]", *SMALL, "trust=true")
    assert compared.returncode == 0, compared.stderr
    refused = run("evaluate.py", "run=last", f"output_dir={tmp_path}")
    assert refused.returncode == 1
    assert "add trust=true" in refused.stderr


def test_the_denoising_autoencoder_reconstructs_the_clean_image():
    from examples.denoising_ae import DenoisingAE

    options = {"image_shape": (1, 8, 8), "latent_dim": 2, "loss": jlml.build("loss=bce", *QUICK)[0].loss}
    model, images = DenoisingAE(noise=0.5, **options), torch.rand(20, 1, 8, 8)
    clean = AE(**options)
    clean.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(images).loss, clean.eval()(images).loss)
    assert not torch.equal(model.train()(images).loss, clean.train()(images).loss)


def test_the_learned_scale_is_the_root_of_the_mean_squared_error():
    from examples.learned_gaussian import LearnedGaussian

    loss = LearnedGaussian()
    logits, images = torch.randn(50, 1, 8, 8), torch.rand(50, 1, 8, 8)
    expected = torch.distributions.Normal(loss.mean(logits), 0.2).log_prob(images).sum((1, 2, 3))
    assert torch.allclose(loss.nll(logits, images), -expected, rtol=1e-5)
    optimizer = torch.optim.LBFGS(loss.parameters(), max_iter=50)

    def closure():
        optimizer.zero_grad()
        value = loss.nll(logits, images).mean()
        value.backward()
        return value

    optimizer.step(closure)
    assert loss.log_scale.exp().item() == pytest.approx(
        (loss.mean(logits) - images).square().mean().sqrt().item(), rel=1e-3
    )


def test_the_weight_of_the_kl_rises_in_every_cycle():
    from examples.cyclical_vae import Annealing

    class Model:
        kl_weight = torch.tensor(0.0)

    class Trainer:
        num_training_batches = 10

    weights = []
    for Trainer.global_step in range(80):
        Annealing(beta=4.0, cycle_epochs=4).on_train_batch_start(Trainer, Model, None, 0)
        weights.append(Model.kl_weight.item())
    assert weights[:40] == weights[40:]
    assert weights[0] == 0
    assert weights[10] == 2
    assert set(weights[20:40]) == {4}


def cells_of_script():
    """The cells of examples/tour.py: kind and text."""
    blocks = re.split(r"^# %%", (ROOT / "examples" / "tour.py").read_text(), flags=re.MULTILINE)[1:]
    for head, _, body in (block.partition("\n") for block in blocks):
        is_text = "[markdown]" in head
        text = body.strip("\n")
        yield (
            "markdown" if is_text else "code",
            re.sub(r"^# ?", "", text, flags=re.MULTILINE) if is_text else text,
        )


@pytest.mark.robustness
def test_the_tour_runs_from_its_first_to_its_last_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {}
    for kind, text in cells_of_script():
        if kind == "code":
            exec(text, space)
            if "COMMON" in text:
                space["COMMON"] += ["data.subset=100", "trainer.max_epochs=1"]
    assert (tmp_path / "outputs" / "tour").is_dir()
    assert (space["comparison"].folder / "comparison.html").is_file()


def test_the_notebook_of_the_tour_has_the_same_cells_and_no_output():
    notebook = json.loads((ROOT / "examples" / "tour.ipynb").read_text())
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert cells == list(cells_of_script())
    assert len(cells) >= 20
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])
