"""Measures a step of `trainer=gpu` against a bare captured step, and the time of 20 epochs of full MNIST.

    python benchmarks/gpu.py

The bare step is forward, backward and Adam in one CUDA graph, with the images on the device: the smallest
possible cost. jlml's step also has metrics, logger, progress bar, checkpoints and pictures.
"""

import statistics
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter

import torch
from loops import loss_of, prepared
from training import Terminal

import jlml
from jlml.runs import build_model
from jlml.training.quiet import silence_lightning

OVERRIDES = ("model=vae", "latent.dim=20", "loss=bce", "trainer=gpu")
STEPS = 430  # steps per epoch, with 128 images each


def bare_steps(overrides: tuple[str, ...]) -> float:
    """The duration of an epoch of captured steps over random batches of training images, in seconds."""
    config, data = prepared(overrides)
    torch.manual_seed(0)
    model = build_model(config, data.image_shape).cuda().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    rows = data.train_images.flatten(1).cuda()
    batch = torch.empty(data.batch_size, *data.image_shape, device="cuda")

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        optimizer.step()

    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=aside):
        step()
    order = torch.randint(len(rows), (STEPS, data.batch_size), device="cuda")
    torch.cuda.synchronize()
    started = perf_counter()
    for index in order:
        batch.copy_(rows.index_select(0, index).view_as(batch)).div_(255)
        graph.replay()
    torch.cuda.synchronize()
    return perf_counter() - started


def main() -> None:
    """Prints the ratio of the two steps, and the time and the test ELBO of 20 epochs."""
    if not torch.cuda.is_available():
        sys.exit("Error: this needs a CUDA GPU.")
    silence_lightning()
    costs, ours, theirs = [], [], []
    for _ in range(5):
        bare = bare_steps(OVERRIDES)
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(Terminal()):
            record = jlml.train(*OVERRIDES, "trainer.max_epochs=5", parent=Path(folder)).run.metrics()
        ours.append(record["images_per_second"] / 128)
        theirs.append(STEPS / bare)
        costs.append(theirs[-1] / ours[-1])
    print(f"steps per second: jlml {statistics.median(ours):.0f}, bare {statistics.median(theirs):.0f}")
    print(f"cost of a step: {statistics.median(costs):.2f} ({min(costs):.2f} to {max(costs):.2f}), <= 1.3")
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(Terminal()):
        record = jlml.train(*OVERRIDES, "trainer.max_epochs=20", parent=Path(folder)).run.metrics()
    print(f"20 epochs: {record['fit_seconds']:.1f} s, test ELBO {record['metrics']['test/elbo']:.2f} nats")


if __name__ == "__main__":
    main()
