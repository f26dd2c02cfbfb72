"""Lightning's CSV files."""

from lightning.pytorch.loggers import CSVLogger


class CSV(CSVLogger):
    """Logs metrics and hyperparameters to `csv/version_0` in the run folder, in Lightning's format.

    A resumed run writes the next version. `history.csv`, which every run has, needs no versions.

    Args:
        save_dir: run folder.
        every: log calls between two writes.
    """

    def __init__(self, save_dir: str, every: int = 100) -> None:
        super().__init__(save_dir, name="csv", flush_logs_every_n_steps=every)

    def flush(self) -> None:
        """Writes what was logged so far."""
        self.save()
