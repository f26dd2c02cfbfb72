"""Trains an autoencoder: ``python train.py model=vae loss=cont_bern``. See --help."""

from jlml.cli.train import main

if __name__ == "__main__":
    main()
