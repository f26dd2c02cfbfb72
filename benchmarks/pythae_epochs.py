"""Runs where pythae is installed: trains an epoch of its VAE at each line that comes in, and says "ready"."""

import sys
import tempfile

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig

images = torch.from_numpy(np.load(sys.argv[1])).float().div_(255)
config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
with tempfile.TemporaryDirectory() as folder:
    trainer = BaseTrainer(
        model=VAE(config),
        train_dataset=BaseDataset(images, torch.zeros(len(images))),
        training_config=BaseTrainerConfig(
            output_dir=folder, learning_rate=1e-3, per_device_train_batch_size=128, num_epochs=1, no_cuda=True
        ),
    )
    trainer.prepare_training()
    print("ready", flush=True)
    for epoch, _ in enumerate(sys.stdin, start=1):
        trainer.train_step(epoch)
        print("ready", flush=True)
