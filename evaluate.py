"""Evaluates runs: ``python evaluate.py run=outputs/<folder>``. See --help."""

from jlml.cli.evaluate import main

if __name__ == "__main__":
    main()
