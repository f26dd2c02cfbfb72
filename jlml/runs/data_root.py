"""Finds the data of a recorded run, and notices when they are not the same any more."""

import os
from typing import Any

from jlml.config import Config
from jlml.data import ImageDataModule
from jlml.data.download import DEFAULT_ROOT
from jlml.errors import UserError
from jlml.runs.build import build_data

PLACES = ("root", "path")  # keys of the group data that say where the data lie


def recorded_place(config: Config) -> dict[str, str]:
    """Where the data of a run lie: the place that it recorded, or another folder for downloaded data.

    The config is untrusted, so nothing is downloaded or written to the place that it names.

    Returns:
        what to change in the group `data` of the config; empty if its own place has the data.

    Raises:
        UserError: the data are not there.
    """
    node = config["data"]
    data = build_data(config)
    if data.is_on_disk():
        return {}
    for root in (os.environ.get("JLML_DATA"), DEFAULT_ROOT) if data.shares_root else ():
        if root and build_data({"data": {**node, "root": root}}).is_on_disk():
            return {"root": root}
    key = next(key for key in PLACES if key in node)
    kind = "file" if key == "path" else "folder"
    raise UserError(
        f"{node[key]}, where the run had its data, has no {node['name']}. Name the "
        f"{kind} that has it now: data.{key}=<{kind}>."
    )


def named_place(config: Config, **given: str | None) -> dict[str, str]:
    """The place of a run's data that a user names, as changes of the group `data`; empty if none is named.

    Raises:
        UserError: the data of this run have no such key.
    """
    named = {key: place for key, place in given.items() if place is not None}
    for key in named:
        if key not in config["data"]:
            has = [f"data.{place}" for place in PLACES if place in config["data"]]
            instead = f" Use {has[0]}." if has else " They need no place: leave it out."
            raise UserError(
                f"data.{key} says nothing about {config['data']['name']}, the data of this run.{instead}"
            )
    return named


def check_same_data(config: Config, data: ImageDataModule) -> None:
    """Refuses other data than those of the run.

    Raises:
        UserError: the fingerprints differ.
    """
    recorded: Any = config.get("data_fingerprint")
    if recorded and recorded != data.source.fingerprint:
        place = next((f" in {config['data'][key]}" for key in PLACES if config["data"].get(key)), "")
        raise UserError(
            f"The data {data.source.name}{place} have changed since this run was trained: other images, "
            f"labels or classes (fingerprint {data.source.fingerprint[:12]}, not {recorded[:12]}). Restore "
            "them, name a copy with data.root or data.path, or train a new run."
        )
