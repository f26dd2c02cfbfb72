"""Trains as jlml does, with the classes and configs of this project."""

from jlml.cli.train import main

if __name__ == "__main__":
    main()
