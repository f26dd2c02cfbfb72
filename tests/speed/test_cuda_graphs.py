"""When steps are recorded, and that replayed ones are the same. What records is a stand-in but on a GPU."""

import pytest
import torch

import jlml
from conftest import QUICK
from jlml.speed.cuda_graphs import EAGER_STEPS, CapturedSteps


class Tape:
    """Counts what is taken, recorded and replayed; a step's numbers are the sums of its images."""

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
def tape():
    return Tape()


def run(steps, count, constants=(1e-3,), size=4):
    images = [torch.rand(size, 3) for _ in range(count)]
    given = [steps(batch, constants)["sums"] for batch in images]
    for batch, sums in zip(images, given, strict=True):  # also after later replays
        assert torch.equal(sums, batch.sum(1))


def test_the_fourth_step_is_recorded_once_and_replayed(tape):
    run(CapturedSteps(tape.take, tape.record), 10)
    assert (tape.taken, tape.recorded, tape.replayed) == (EAGER_STEPS, 1, 10 - EAGER_STEPS)


def test_a_smaller_last_batch_leaves_the_recording_alone(tape):
    steps = CapturedSteps(tape.take, tape.record)
    for _ in range(2):
        run(steps, 6)
        run(steps, 1, size=2)
    assert (tape.taken, tape.recorded, tape.replayed) == (EAGER_STEPS + 2, 1, 12 - EAGER_STEPS)


def test_constants_that_change_are_recorded_anew_and_a_rising_one_never(tape):
    steps = CapturedSteps(tape.take, tape.record)
    run(steps, 5, constants=(1e-3,))
    run(steps, 5, constants=(5e-4,))
    assert (tape.recorded, tape.replayed) == (2, 2 * (5 - EAGER_STEPS))
    for weight in range(10):
        run(steps, 1, constants=(weight,))
    assert tape.recorded == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("model", ["ae", "vae", "conv_vae"])
@pytest.mark.parametrize("more", [(), ("scheduler=cosine", "data.pixels=binarized")])
def test_on_a_gpu_replayed_steps_are_those_taken_eagerly(tmp_path, model, more):
    words = (*QUICK, *more, f"model={model}", "trainer=gpu", "callbacks=none", "trainer.max_epochs=4")
    captured, eager = (
        jlml.train(*words, f"speed.cuda_graphs={on}", parent=tmp_path) for on in ("true", "false")
    )
    assert captured.metrics == pytest.approx(eager.metrics, rel=1e-4)
