"""When steps are recorded as CUDA graphs, and that replayed steps equal eager ones.

The tests without a GPU use a fake recorder.
"""

import pytest
import torch
from lightning import Callback

import conftest
import jlml
from conftest import QUICK
from jlml.runs import Run
from jlml.speed.cuda_graphs import EAGER_STEPS, CapturedSteps

FAST = (*QUICK[:-1], "callbacks=none")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


class FakeRecorder:
    """A fake recorder that counts eager, recorded and replayed steps. A step returns sums of its images."""

    def __init__(self):
        self.taken, self.recorded, self.replayed = 0, 0, 0

    def take(self, images):
        self.taken += 1
        return {"sums": images.sum(1)}

    def record(self, images):
        self.recorded += 1
        sums = torch.empty(len(images))

        def replay():
            self.replayed += 1
            sums.copy_(images.sum(1))

        return replay, {"sums": sums}


@pytest.fixture
def recorder():
    return FakeRecorder()


def run(steps, count, constants=(1e-3,), size=4):
    images = [torch.rand(size, 3) for _ in range(count)]
    results = [steps(batch, constants)["sums"] for batch in images]
    for batch, sums in zip(images, results, strict=True):  # later replays must not change earlier results
        assert torch.equal(sums, batch.sum(1))


def test_the_fourth_step_is_recorded_once_and_replayed(recorder):
    run(CapturedSteps(recorder.take, recorder.record), 10)
    assert (recorder.taken, recorder.recorded, recorder.replayed) == (EAGER_STEPS, 1, 10 - EAGER_STEPS)


def test_a_smaller_last_batch_runs_eagerly_and_keeps_the_recording(recorder):
    steps = CapturedSteps(recorder.take, recorder.record)
    for _ in range(2):
        run(steps, 6)
        run(steps, 1, size=2)
    assert (recorder.taken, recorder.recorded, recorder.replayed) == (EAGER_STEPS + 2, 1, 12 - EAGER_STEPS)


def test_changed_constants_are_recorded_again_but_not_if_they_change_every_step(recorder):
    steps = CapturedSteps(recorder.take, recorder.record)
    run(steps, 5, constants=(1e-3,))
    run(steps, 5, constants=(5e-4,))
    assert (recorder.recorded, recorder.replayed) == (2, 2 * (5 - EAGER_STEPS))
    for weight in range(10):
        run(steps, 1, constants=(weight,))
    assert recorder.recorded == 2


@needs_gpu
@pytest.mark.parametrize("model", ["ae", "vae", "conv_vae"])
@pytest.mark.parametrize("more", [(), ("scheduler=cosine", "data.pixels=binarized")])
def test_on_a_gpu_replayed_steps_equal_eager_ones(tmp_path, model, more):
    overrides = (*FAST, *more, f"model={model}", "trainer=gpu", "trainer.max_epochs=4")
    captured, eager = (
        jlml.train(*overrides, f"speed.cuda_graphs={on}", parent=tmp_path) for on in ("true", "false")
    )
    assert captured.metrics == pytest.approx(eager.metrics, rel=1e-4)


class Cut(Callback):
    """Interrupts a run within its second epoch."""

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 7:
            raise KeyboardInterrupt


@needs_gpu
@pytest.mark.parametrize("graphs", ["true", "false"])
def test_on_a_gpu_a_run_resumes_within_an_epoch(tmp_path, graphs):
    overrides = (*FAST, "model=vae", "trainer=gpu", f"speed.cuda_graphs={graphs}", "checkpoints.steps=1")
    uninterrupted = jlml.train(*overrides, parent=tmp_path, progress=[])
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        jlml.train(*overrides, run=Run.at(tmp_path / "run"), progress=[Cut()])
    resumed = jlml.train(*overrides, run=Run.at(tmp_path / "run"), progress=[])
    assert resumed.metrics == uninterrupted.metrics


@needs_gpu
def test_on_a_gpu_compiled_float32_trains_without_a_warning(tmp_path):
    """It runs in a new process, because the shape checks of the tests prevent compilation."""
    overrides = (*FAST, "model=ae", "loss=bce", "trainer=gpu", "speed=fast")
    done = conftest.run("train.py", *overrides, f"output_dir={tmp_path}")
    assert (done.returncode, done.stderr) == (0, "")
