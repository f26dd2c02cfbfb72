"""Training, from the config to the run folder."""

import json
import warnings

import pytest
import torch

import jlml
from conftest import QUICK, each_once
from jlml.errors import UserError
from jlml.runs import Run

FAST = (*QUICK[:-1], "callbacks=none")
ROBUSTNESS = pytest.mark.robustness


def weights(trained) -> dict[str, torch.Tensor]:
    return torch.load(trained.run.checkpoint("last"), weights_only=True)["state_dict"]


@pytest.mark.parametrize(
    ("model", "loss"), each_once(["vae", "ae", "conv_ae", "conv_vae"], ["cont_bern", "mse", "bce"])
)
def test_every_model_trains_with_every_loss(tmp_path, model, loss):
    trained = jlml.train(*FAST, f"model={model}", f"loss={loss}", "latent.dim=3", parent=tmp_path)
    record = trained.run.metrics()
    assert record["status"] == "finished"
    assert record["metrics"] == pytest.approx(trained.metrics)
    assert record["metrics"]["test/loss"] < 1e5
    assert {"test/mse", "test/bce", "val/loss"} <= set(record["metrics"])
    loaded = jlml.load(trained.run.path)
    images, _ = trained.data.validation_batch(4)
    assert loaded.decode(loaded.encode(images)).shape == images.shape
    assert loaded.sample(2).shape == (2, 1, 28, 28)


@pytest.mark.parametrize(
    "pixels", ["dequantized", *(pytest.param(pixels, marks=ROBUSTNESS) for pixels in ("grey", "binarized"))]
)
def test_the_same_command_gives_the_same_weights(tmp_path, pixels):
    first, second, other = (
        jlml.train(*FAST, "model=conv_vae", f"data.pixels={pixels}", f"seed={seed}", parent=tmp_path)
        for seed in (0, 0, 1)
    )
    assert all(
        torch.equal(a, b) for a, b in zip(weights(first).values(), weights(second).values(), strict=True)
    )
    assert first.metrics == second.metrics
    assert first.metrics != other.metrics


def test_a_trained_model_scores_better_than_the_mean_image(tmp_path):
    trained = jlml.train(
        "data=mnist_5k", "loss=bce", "callbacks=none", "trainer.max_epochs=4", parent=tmp_path
    )
    assert trained.metrics["test/loss"] < 204  # nats: the mean image scores 206
    assert trained.metrics["test/mse"] < 0.067


def test_a_run_folder_has_its_files_config_and_record(tmp_path):
    trained = jlml.train(*FAST, "model.hidden=[40,20]", "seed=3", parent=tmp_path)
    path = trained.run.path
    for choice in ("vae-cb-d2-mnist_5k-s3_", "_hidden-40-20_"):
        assert choice in path.name
    assert not set(path.name) & set("=, []")
    files = {file.relative_to(path).as_posix() for file in path.rglob("*") if "events" not in file.name}
    assert {
        "config.yaml",
        "metrics.json",
        "train.log",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    } <= files
    config = Run.open(path).config()
    assert config["image_shape"] == [1, 28, 28]
    assert config["model"]["hidden"] == [40, 20]
    record = json.loads((path / "metrics.json").read_text())
    assert record["seed"] == 3
    assert record["data"] == "mnist_5k"
    assert {"torch", "lightning", "jlml"} <= set(record["versions"])
    assert record["wall_seconds"] > 0 < record["images_per_second"]


def test_a_checkpoint_contains_plain_containers_and_its_config(tmp_path):
    trained = jlml.train(*FAST, parent=tmp_path)
    for which in ("best", "last"):
        checkpoint = torch.load(trained.run.checkpoint(which), weights_only=True)
        assert checkpoint["config"] == Run.open(trained.run.path).config()


def test_the_best_checkpoint_is_tested(tmp_path):
    trained = jlml.train(*FAST, "trainer.max_epochs=6", "optimizer.lr=0.02", parent=tmp_path)
    log = torch.load(trained.run.checkpoint("last"), weights_only=True)["callbacks"]
    (best,) = [state["best_model_score"] for key, state in log.items() if "'val/loss'" in key]
    assert trained.metrics["val/loss"] == pytest.approx(best.item(), rel=1e-6)


def test_a_run_killed_before_its_config_is_written_leaves_no_folder_that_looks_like_a_run(
    tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    def kill(run, config):
        assert run.path.is_dir()
        raise Killed

    monkeypatch.setattr(Run, "record_config", kill)
    with pytest.raises(Killed):
        jlml.train(*FAST, parent=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []


def test_a_run_that_fails_before_it_begins_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="logger.tensorboard.purge_step cannot be set"):
        jlml.train(
            *FAST, "logger=tensorboard", "+logger.tensorboard.purge_step=3", parent=tmp_path / "new/runs"
        )
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_the_fallback_is_recorded_everywhere_in_the_run(tmp_path, monkeypatch, caplog):
    from torchvision.datasets import MNIST

    def offline(self):
        raise RuntimeError("Error downloading")

    monkeypatch.setattr(MNIST, "download", offline)
    common = [override for override in FAST if override != "data=mnist_5k"] + ["data=mnist"]
    with pytest.raises(UserError, match="MNIST is not complete in .*none"):  # a root that the user names
        jlml.train(*common, f"data.root={tmp_path / 'none'}", parent=tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    trained = jlml.train(*common, "data.root=data", parent=tmp_path / "runs")
    assert "mnist_5k" in trained.run.path.name
    assert trained.run.metrics()["data"] == "mnist_5k"
    assert trained.run.config()["data"]["name"] == "mnist_5k"
    assert "FALLBACK" in caplog.text


def test_kl_warm_up_raises_the_kl_weight_linearly_and_only_in_training(tmp_path, monkeypatch):
    seen = []
    from jlml.models import VAE

    forward = VAE.forward

    def watched(self, images, noise=None):
        output = forward(self, images, noise)
        weight = output.terms["beta_kl"].detach() / output.extras["kl"].detach()
        seen.append((self.training, float(weight.mean())))
        return output

    monkeypatch.setattr(VAE, "forward", watched)
    warm_up = ("model.beta=2", "model.kl_warmup_epochs=2", "trainer.max_epochs=3")
    jlml.train(*FAST, *warm_up, parent=tmp_path, progress=[])
    training = [weight for in_training, weight in seen if in_training]
    assert training == pytest.approx([2 * min(1, step / 10) for step in range(15)], abs=1e-6)
    assert [weight for in_training, weight in seen if not in_training] == pytest.approx([2] * 5, abs=1e-6)


@pytest.mark.robustness
def test_clipping_schedulers_and_early_stopping_have_an_effect(tmp_path):
    plain = jlml.train(*FAST, parent=tmp_path)
    clipped = jlml.train(*FAST, "trainer.gradient_clip_val=1e-3", "optimizer.lr=1e-3", parent=tmp_path)
    assert not torch.equal(weights(plain)["encoder.1.weight"], weights(clipped)["encoder.1.weight"])
    cosine = jlml.train(*FAST, "scheduler=cosine", parent=tmp_path)
    assert cosine.trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)
    one_cycle = jlml.train(*FAST, "scheduler=one_cycle", "+trainer.limit_train_batches=0.5", parent=tmp_path)
    assert one_cycle.config["scheduler"]["total_steps"] == one_cycle.trainer.estimated_stepping_batches
    assert one_cycle.trainer.optimizers[0].param_groups[0]["initial_lr"] == pytest.approx(1e-3 / 25)
    jlml.train(*FAST, "scheduler=plateau", "optimizer=adamw", parent=tmp_path)
    stopped = jlml.train(
        *FAST, "early_stopping=1", "optimizer.lr=1e-12", "trainer.max_epochs=50", "model=ae", parent=tmp_path
    )
    assert stopped.run.metrics()["epochs"] < 50


def test_the_debug_trainer_takes_few_steps(tmp_path):
    trained = jlml.train(*FAST[:3], "callbacks=none", "trainer=debug", parent=tmp_path)
    assert trained.trainer.global_step == 5  # 300 images are only 5 batches of 64


def test_other_image_sizes_train(tmp_path):
    for size, fit in ((32, "pad"), (20, "resize")):
        config = jlml.compose(*FAST, "model=conv_ae", f"data.image_size={size}", f"data.fit={fit}")
        assert jlml.load(jlml.train(config, parent=tmp_path).run.path).image_shape == (1, size, size)


def test_a_users_loss_class_is_used_by_its_dotted_path(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "from jlml.losses import Gaussian\n"
        "class Laplace(Gaussian):\n"
        "    '''Absolute error.'''\n"
        "    def nll(self, logits, images):\n"
        "        return (images - self.mean(logits)).abs().flatten(1).sum(1) / self.scale\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    trained = jlml.train(*FAST, "loss=mse", "loss._target_=mine.Laplace", parent=tmp_path / "runs")
    with pytest.raises(UserError, match=r"loss\._target_=mine\.Laplace .*trust=true"):
        jlml.load(trained.run.path)
    assert jlml.load(trained.run.path, trust=True).loss.scale == 0.2


def test_no_warning_reaches_the_user(tmp_path, capfd):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from jlml.training.train import silence_lightning

        silence_lightning()
        jlml.train(*QUICK, parent=tmp_path)
    assert [str(w.message) for w in caught if "LeafSpec" not in str(w.message)] == []


@pytest.mark.parametrize("model", ["ae", "conv_vae"])
def test_a_loss_that_is_not_finite_stops_the_run_with_one_error_sentence(tmp_path, model):
    overrides = (*QUICK, f"model={model}", "loss=mse", "loss.link=identity", "optimizer.lr=1e20")
    with pytest.raises(UserError, match=r"diverged at step \d+: train/loss (nan|inf).* No checkpoint"):
        jlml.train(*overrides, parent=tmp_path)
    (path,) = tmp_path.iterdir()
    assert Run(path).metrics()["status"] == "failed"


def test_a_failed_run_records_its_status_and_error(tmp_path, monkeypatch):
    from jlml.models import VAE

    def fail(self, images):
        raise RuntimeError("the decoder fell over")

    monkeypatch.setattr(VAE, "forward", fail)
    with pytest.raises(RuntimeError, match="fell over"):
        jlml.train(*FAST, parent=tmp_path)
    (path,) = tmp_path.iterdir()
    record = Run(path).metrics()
    assert record["status"] == "failed"
    assert "fell over" in record["error"]
    assert "fell over" in (path / "train.log").read_text()
