"""Tests a finished run: ``python evaluate.py run=outputs/<folder>``. See --help."""

import hydra
from omegaconf import DictConfig

from jlml.cli import door, one_sentence


@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Tests a checkpoint and says how good it is."""
    with one_sentence():
        from jlml.evaluation import evaluate  # imports wait until --help and --cfg have been answered
        from jlml.report import show_evaluated

        show_evaluated(*evaluate(cfg))


if __name__ == "__main__":
    door(main)
