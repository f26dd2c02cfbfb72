"""A table of runs, for notebooks."""

from pathlib import Path
from typing import Any

import pandas as pd

from jlml.config import flat, part_names
from jlml.errors import UserError
from jlml.evaluation.find import runs_under
from jlml.files import is_number
from jlml.runs import Run


def find_runs(where: str | Path = "outputs") -> pd.DataFrame:
    """All runs in a folder, or in those that a glob such as ``outputs/**`` finds, one row per run.

    The columns are the path, the name, tags and note, the state, the choices of groups (`model`, `loss`,
    ...), `latent_dim`, `data`, `seed`, all other overrides by their keys, the final metrics (`test/loss`,
    ...), and when it started. A run that cannot be read has only its path and a `state` that says why.
    """
    runs = {run.path.resolve(): run for run, _ in runs_under(str(where))}
    rows = [row_of(run) for _, run in sorted(runs.items())]
    return pd.DataFrame(
        rows, columns=list(dict.fromkeys(key for row in rows for key in row)) or ["run", "state"]
    )


def row_of(run: Run) -> dict[str, Any]:
    """The row of one run."""
    try:
        config = run.config(trust=True)
    except UserError as error:
        return {"run": str(run.path), "state": f"cannot be read: {error}"}
    record, parts = run.metrics(), part_names(config)
    keys = [change.partition("=")[0].lstrip("+") for change in config["changes"]]
    values = dict(flat(config))
    return {
        "run": str(run.path),
        "name": config.get("name"),
        "tags": config.get("tags") or [],
        "note": config.get("note"),
        "state": run.state(),
        **{group: parts.get(group) for group in ("model", "loss")},
        "latent_dim": config["latent"]["dim"],
        "data": config["data"]["name"],
        "seed": config["seed"],
        **{key: values[key] for key in keys if key in values and key not in ("seed", "latent.dim")},
        **{name: value for name, value in (record.get("metrics") or {}).items() if is_number(value)},
        "started": record.get("started"),
    }
