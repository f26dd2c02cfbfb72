"""Says how good runs are: ``python evaluate.py run=outputs/<folder>``. See --help."""

import hydra
from omegaconf import DictConfig

from jlml.cli import door, one_sentence


@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Evaluates one run, or compares several, and says where the results are."""
    with one_sentence():
        from jlml.evaluation.entry import evaluate  # imports wait until --help and --cfg have been answered
        from jlml.evaluation.terminal import show

        show(evaluate(cfg))


if __name__ == "__main__":
    door(main)
