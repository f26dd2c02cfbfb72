"""Evaluates as jlml does, with the classes of this project."""

from jlml.cli.evaluate import main

if __name__ == "__main__":
    main()
