"""Trains the digit classifier that jlml ships: ``python -m jlml.evaluation.digits.train``.

Uses all 60,000 training images of MNIST (from JLML_DATA, data/, or a download) and keeps the weights of the
last epoch. The test images do not affect training: they are used once, at the end.
"""

import argparse
import math
import os
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from jlml.data.mnist import load
from jlml.evaluation.digits.classifier import NAME, DigitClassifier

BATCH = 128
HIGHEST_LR = 4e-3


def train(images: Tensor, labels: Tensor, epochs: int) -> DigitClassifier:
    """Trains a classifier on uint8 images (N, 1, 28, 28) with labels (N,)."""
    classifier = DigitClassifier()
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.02, fused=True)
    steps = epochs * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIGHEST_LR, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for index in torch.randperm(len(images)).split(BATCH):
            logits = classifier(augmented(images[index].float() / 255))
            loss = F.cross_entropy(logits, labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(images):.4f}", flush=True)
    return classifier.eval()


def augmented(images: Tensor) -> Tensor:
    """Rotates images by up to 10 degrees, scales and shears by up to 10 %, and moves by up to 2 pixels."""
    count = len(images)

    def uniform(reach: float) -> Tensor:
        return torch.empty(count).uniform_(-reach, reach)

    angle, scale, shear = uniform(math.radians(10)), 1 + uniform(0.1), uniform(0.1)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = [
        torch.stack([cos, shear - sin, uniform(2 / 14)], 1),
        torch.stack([sin, cos, uniform(2 / 14)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def accuracy(classifier: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """The fraction of uint8 images that are classified correctly."""
    with torch.no_grad():
        right = [
            (classifier(batch.float() / 255).argmax(1) == truth)
            for batch, truth in zip(images.split(1000), labels.split(1000), strict=True)
        ]
    return torch.cat(right).double().mean().item()


def main() -> None:
    """Trains, tests once, and writes the weights together with this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(f"{NAME}.safetensors"))
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.use_deterministic_algorithms(True)
    source = load("mnist", Path(os.environ.get("JLML_DATA", "data")))
    assert source.test_images is not None
    assert source.test_labels is not None
    classifier = train(source.images, source.labels, arguments.epochs)
    score = accuracy(classifier, source.test_images, source.test_labels)
    print(f"test accuracy {score:.4f}")
    command = f"python -m jlml.evaluation.digits.train --epochs {arguments.epochs} --seed {arguments.seed}"
    weights = {name: tensor.contiguous() for name, tensor in classifier.state_dict().items()}
    save_file(weights, arguments.out, {"name": NAME, "command": command, "test_accuracy": f"{score:.4f}"})
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
