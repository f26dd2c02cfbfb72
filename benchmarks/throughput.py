"""Training throughput of `train.py` against a bare PyTorch loop over the same net, in one process.

    python benchmarks/throughput.py                     vae, ae and conv_ae: four minutes on 2 cores
    python benchmarks/throughput.py --models vae --repeats 5

Both sides train the same net on the same images in the same batches of 128 with loss=bce and fused Adam, in
turns, so that a noisy machine disturbs both alike. The bare loop gathers uint8 images from memory and does
nothing else. jlml runs its default trainer with every callback, TensorBoard, validation and checkpoints.
Two ratios: `steps` counts training time only, `fit` all that `trainer.fit` does.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

import jlml
from jlml.config import plain
from jlml.data import MNISTDataModule
from jlml.models import Autoencoder, build_model
from jlml.models.vae import kl_to_standard_normal
from jlml.training import quieten


def bare_epochs(model: Autoencoder, images: Tensor, batch_size: int, epochs: int) -> float:
    """Images a second of a loop with nothing in it but the training."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    model.train()
    started = perf_counter()
    for _ in range(epochs):
        for index in torch.randperm(len(images)).split(batch_size):
            batch = images[index].float().div_(255)
            codes = model.encoder(batch)
            kl = 0.0
            if codes.shape[1] == 2 * model.latent_dim:  # a VAE
                mean, log_variance = codes.chunk(2, dim=1)
                codes = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
                kl = kl_to_standard_normal(mean, log_variance).sum()
            logits = model.decoder(codes)
            loss = (F.binary_cross_entropy_with_logits(logits, batch, reduction="sum") + kl) / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return epochs * len(images) / (perf_counter() - started)


def measure(words: list[str], epochs: int, repeats: int) -> dict[str, list[float]]:
    """Ratios of jlml's throughput to the bare loop's, one a repeat."""
    words = [*words, "loss=bce", f"trainer.max_epochs={epochs}"]
    config = plain(jlml.compose(*words))
    ratios: dict[str, list[float]] = {"steps": [], "fit": [], "bare images/s": []}
    for _ in range(repeats):
        data = MNISTDataModule(root=config["data"]["root"], fallback=True)
        data.setup()
        torch.manual_seed(0)
        model = build_model(config, data.image_shape)
        bare = bare_epochs(model, data.train_images, config["data"]["batch_size"], epochs)
        with tempfile.TemporaryDirectory() as folder:
            trained = jlml.train(jlml.compose(*words), Path(folder))
            record = trained.run.metrics()
        fit = epochs * len(data.train_images) / record["fit_seconds"]
        ratios["steps"].append(record["images_per_second"] / bare)
        ratios["fit"].append(fit / bare)
        ratios["bare images/s"].append(bare)
    return ratios


def spread(values: list[float], digits: int = 2) -> str:
    """Median (lowest to highest)."""
    low, middle, high = (f"{f(values):,.{digits}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"


def main() -> None:
    """Prints a table and, with --json, writes the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["vae", "ae", "conv_ae"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    quieten()
    logging.basicConfig(level=logging.ERROR)
    console = Console(file=sys.stdout, width=100)
    results = {name: measure([f"model={name}"], options.epochs, options.repeats) for name in options.models}
    table = Table(title=f"Throughput against a bare loop, {options.epochs} epochs, {options.repeats} repeats")
    for column in ("model", "bare images/s", "steps", "fit"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for name, ratios in results.items():
        table.add_row(
            name, spread(ratios["bare images/s"], 0), spread(ratios["steps"]), spread(ratios["fit"])
        )
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
