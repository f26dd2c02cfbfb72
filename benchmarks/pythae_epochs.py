"""Runs where pythae is installed: an epoch of its VAE at each line that comes in; "ready" when it is done.

As `BaseTrainer.train` has it: a training pass, a validation, and a copy of the best model.
"""

import sys
import tempfile
from copy import deepcopy

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig

training, validation = (torch.from_numpy(np.load(file)).float().div_(255) for file in sys.argv[1:3])
config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
with tempfile.TemporaryDirectory() as folder:
    trainer = BaseTrainer(
        model=VAE(config),
        train_dataset=BaseDataset(training, torch.zeros(len(training))),
        eval_dataset=BaseDataset(validation, torch.zeros(len(validation))),
        training_config=BaseTrainerConfig(
            output_dir=folder,
            learning_rate=1e-3,
            per_device_train_batch_size=128,
            per_device_eval_batch_size=128,
            num_epochs=1,
            no_cuda=True,
        ),
    )
    trainer.prepare_training()
    print("ready", flush=True)
    least = float("inf")
    for epoch, _ in enumerate(sys.stdin, start=1):
        trainer.train_step(epoch)
        loss = trainer.eval_step(epoch)
        if loss < least:
            least, best = loss, deepcopy(trainer.model)
        print("ready", flush=True)
