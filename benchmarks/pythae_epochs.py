"""Trains pythae's VAE on a part of an epoch for each line of standard input, then prints "ready".

Runs in the environment of pythae. Does the same as `BaseTrainer.train`: a training pass, a validation, and a
copy of the best model.

    python pythae_epochs.py <training images> <validation images> <parts per epoch>
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
turns = int(sys.argv[3])
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
    for turn, _ in enumerate(sys.stdin, start=1):
        trainer.train_step(turn)
        trainer.eval_step(turn)
        if turn % turns == 0:
            best = deepcopy(trainer.model)  # as train() does
        print("ready", flush=True)
