"""Says how good runs are: ``python evaluate.py run=outputs/<folder>``. See --help."""

from typing import TYPE_CHECKING

from jlml.cli import door, importing, one_sentence

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main(cfg: "DictConfig") -> None:
    """Evaluates one run, or compares several, and says where the results are."""
    with one_sentence():
        with importing():  # only now: --help and --cfg have been answered without
            from jlml.evaluation.entry import evaluate
            from jlml.evaluation.terminal import show

        show(evaluate(cfg))


if __name__ == "__main__":
    door(main, "evaluate")
