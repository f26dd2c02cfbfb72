"""`python train.py` in plain PyTorch: trains a VAE 784-500-500-2 with the continuous Bernoulli loss on MNIST
for 20 epochs. The final weights equal those in the `last.ckpt` of train.py, bit for bit.

    python examples/plain_loop.py       needs MNIST's two unpacked training files in data/MNIST/raw
"""

import numpy as np
import torch
from torch import nn

SEED, BATCH, MAX_LOGIT = 0, 128, float(np.log((1 - 1e-4) / 1e-4))  # the loss is unbounded without a limit
SERIES = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000]


def generator(*purpose):
    """A random generator for one purpose: (0) is the validation split, (1, epoch) an epoch's order."""
    state = np.random.SeedSequence([SEED, *purpose]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def training_images(root, validation):
    """Training images (N, 784) as bytes. Evenly drawn from the classes, 5,000 are left out for validation."""
    images = torch.from_numpy(np.fromfile(f"{root}/train-images-idx3-ubyte", np.uint8, offset=16))
    labels = torch.from_numpy(np.fromfile(f"{root}/train-labels-idx1-ubyte", np.uint8, offset=8)).long()
    shuffled = torch.randperm(len(labels), generator=generator(0))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]  # sorted by class, in random order within
    every_12th = torch.arange(validation, dtype=torch.float64).add(0.5).mul(len(labels) / validation).long()
    kept = ~torch.isin(torch.arange(len(labels)), by_class[every_12th])
    return images.view(-1, 784)[kept]


def mean_of(eta):
    """The mean of a continuous Bernoulli with logit eta: 1 / (1 - e^-eta) - 1 / eta, or its Taylor series."""
    series = SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        series = series * eta.square() + coefficient
    return torch.where(eta.abs() < 1, eta * series + 0.5, -(1 / torch.expm1(-eta) + 1 / eta))


class NegativeLogLikelihood(torch.autograd.Function):
    """log((e^eta - 1) / eta) - x eta per pixel, without overflow. Its derivative in eta is mean - x."""

    @staticmethod
    def forward(ctx, eta, x):
        ctx.save_for_backward(eta, x)
        a = eta.abs().clamp_min(1e-30)
        return a * ((eta > 0).float() - x).abs() + torch.log(-torch.expm1(-a) / a)

    @staticmethod
    def backward(ctx, gradient):
        eta, x = ctx.saved_tensors
        return gradient * (mean_of(eta) - x), None


def train(root="data/MNIST/raw", epochs=20, validation=5_000):
    """Trains, prints the mean loss of each epoch in nats, and returns encoder and decoder."""
    images = training_images(root, validation)
    torch.manual_seed(SEED)
    encoder = nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 4))
    decoder = nn.Sequential(nn.Linear(2, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 784))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    for epoch in range(epochs):
        losses = []
        for index in torch.randperm(len(images), generator=generator(1, epoch)).split(BATCH):
            x = images[index] / 255
            mean, log_variance = encoder(x).chunk(2, dim=1)  # of the Gaussian q(z | x), in two dimensions
            z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)  # the reparameterisation trick
            nll = NegativeLogLikelihood.apply(decoder(z).clamp(-MAX_LOGIT, MAX_LOGIT), x).sum(1)
            kl = ((mean.square() + torch.expm1(log_variance) - log_variance) / 2).sum(1)  # KL(q || N(0, I))
            loss = (nll + kl).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        print(f"epoch {epoch + 1}: {torch.stack(losses).mean():.2f}")
    return encoder, decoder


if __name__ == "__main__":
    train()
