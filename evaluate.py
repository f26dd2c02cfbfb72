"""Says how good runs are: ``python evaluate.py run=outputs/<folder>``. See --help."""

import hydra
from omegaconf import DictConfig

from jlml.cli import door, importing, one_sentence


@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Evaluates one run, or compares several, and says where the results are."""
    with one_sentence():
        with importing():  # only now: --help and --cfg have been answered without
            from jlml.evaluation.entry import evaluate
            from jlml.evaluation.terminal import show

        show(evaluate(cfg))


if __name__ == "__main__":
    door(main)
