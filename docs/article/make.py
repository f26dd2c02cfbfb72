"""Makes the article: `make article`, or `python docs/article/make.py --data mnist_5k`."""

import argparse
from pathlib import Path

from runs import ROOT, train_and_evaluate


def main() -> None:
    """Trains, evaluates, collects numbers, draws figures, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=["mnist", "mnist_5k"], default="mnist")
    parser.add_argument("--root", help="folder with the data; default: jlml's own")
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs/article")
    parser.add_argument("--only", nargs="*", default=[], help="names of sweeps to train")
    given = parser.parse_args()
    train_and_evaluate(given.data, given.outputs / given.data, given.root, given.only)


if __name__ == "__main__":
    main()
