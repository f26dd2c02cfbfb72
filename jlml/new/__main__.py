"""The command ``python -m jlml.new my_project``."""

import argparse
from pathlib import Path

from jlml.cli.command import one_sentence
from jlml.new import new_project


def main() -> None:
    """Writes the project and prints what to do next."""
    parser = argparse.ArgumentParser(prog="python -m jlml.new", description="Writes a project of your own.")
    parser.add_argument("folder", type=Path, help="new folder, for example my_project")
    folder = parser.parse_args().folder
    with one_sentence():
        new_project(folder)
    print(f"Wrote {folder}. Next:\n  cd {folder}\n  python train.py experiment=mine\n  python -m pytest")


if __name__ == "__main__":
    main()
