"""The training loop of jlml gives the same weights as that of Lightning, or is replaced by it."""

import pytest
import torch
from lightning import Callback
from lightning.pytorch.callbacks import WeightAveraging
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import jlml
from conftest import QUICK
from jlml.models import VAE

FAST = (*QUICK[:-1], "callbacks=none", "logger=none")
BOTH = ("speed=default", "speed=off")


def last(trained) -> dict[str, torch.Tensor]:
    return torch.load(trained.run.checkpoint("last"), weights_only=True)["state_dict"]


def differing(a, b) -> list[str]:
    one, other = last(a), last(b)
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.mark.robustness
def test_both_loops_give_the_same_weights_in_bf16(tmp_path, monkeypatch):
    monkeypatch.setattr("jlml.speed.hardware.has_bf16", lambda trainer: True)  # emulated bf16 is enough here
    ours, theirs = (
        jlml.train(*FAST, "trainer.precision=bf16-mixed", speed, parent=tmp_path, progress=[])
        for speed in BOTH
    )
    assert differing(ours, theirs) == []


class Recorder(Callback):
    """Records the calls before and after every batch."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.calls.append(("start", batch_idx, len(batch[0]), trainer.global_step))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        loss = float(outputs["loss"])
        self.calls.append(("end", batch_idx, loss, trainer.global_step, trainer.is_last_batch))


def test_callbacks_get_the_same_calls_around_every_batch_in_both_loops(tmp_path):
    recorders = []
    for speed in BOTH:
        recorders.append(Recorder())
        jlml.train(*FAST, speed, parent=tmp_path, progress=[recorders[-1]])
    assert len(recorders[0].calls) == 20
    assert recorders[0].calls == recorders[1].calls


@pytest.mark.robustness
def test_weight_averaging_gives_the_same_weights_in_both_loops(tmp_path):
    ours, theirs = (
        jlml.train(*FAST, speed, parent=tmp_path, progress=[WeightAveraging(use_buffers=False)])
        for speed in BOTH
    )
    assert differing(ours, theirs) == []
    plain = jlml.train(*FAST, parent=tmp_path, progress=[])
    assert differing(ours, plain) != []


class TwoOptimizers(VAE):
    """A VAE with one optimizer for the encoder and one for the decoder."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.automatic_optimization = False

    def configure_optimizers(self):
        return [torch.optim.Adam(net.parameters(), lr=1e-3) for net in (self.encoder, self.decoder)]

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        for optimizer in self.optimizers():
            optimizer.zero_grad()
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()


class Clamped(VAE):
    """A VAE that clamps its weights after every step."""

    def on_train_batch_end(self, outputs, batch, batch_idx):
        with torch.no_grad():
            for weight in self.parameters():
                weight.clamp_(-0.01, 0.01)


class GradientReader(Callback):
    """Reads every gradient before the optimizer step."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.norms.append(sum(float(p.grad.norm()) for p in pl_module.parameters()))


@pytest.mark.parametrize(
    ("model", "reason"),
    [("TwoOptimizers", "takes its optimizer steps itself"), ("Clamped", "overrides on_train_batch_end")],
)
def test_a_model_that_adds_to_a_step_uses_the_lightning_loop(tmp_path, monkeypatch, caplog, model, reason):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    overrides = (*FAST, f"model._target_=test_loop.{model}")
    untrained, _ = jlml.build(*overrides)
    trained = jlml.train(*overrides, parent=tmp_path, progress=[])
    assert f"Lightning's own loop, which is slower: {model} {reason}" in caplog.text
    weights = last(trained)
    assert not torch.equal(weights["encoder.1.weight"], untrained.state_dict()["encoder.1.weight"])
    assert weights["encoder.1.weight"].abs().max() <= 0.01 or model != "Clamped"


def test_a_callback_that_acts_within_a_step_is_used_in_the_lightning_loop(tmp_path, caplog):
    reader = GradientReader()
    read = jlml.train(*FAST, parent=tmp_path, progress=[reader])
    assert "the callback GradientReader has on_before_optimizer_step" in caplog.text
    assert len(reader.norms) == 10
    assert min(reader.norms) > 0
    caplog.clear()
    assert differing(read, jlml.train(*FAST, parent=tmp_path, progress=[])) == []
    assert "slower" not in caplog.text


def test_a_point_of_a_curve_is_the_mean_over_the_steps_since_the_last_point(tmp_path):
    recorder = Recorder()
    overrides = (*FAST[:-1], "trainer.log_every_n_steps=2", "data.subset=250", "data.batch_size=50")
    trained = jlml.train(*overrides, parent=tmp_path, progress=[recorder])
    board = EventAccumulator(str(trained.run.path / "train")).Reload()
    losses = [call[2] for call in recorder.calls if call[0] == "end"]
    windows = [losses[:2], losses[2:4], losses[4:5], losses[5:7], losses[7:9], losses[9:]]
    points = [(event.step, event.value) for event in board.Scalars("metrics/loss")]
    assert [step for step, _ in points] == [2, 4, 5, 7, 9, 10]
    expected = [sum(window) / len(window) for window in windows]
    assert [value for _, value in points] == pytest.approx(expected, rel=1e-5)
