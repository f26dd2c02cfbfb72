"""The shape of `metrics.json` in an evaluation, by which an earlier one is checked before it is used."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(gt=-1e100, lt=1e100)]  # squares stay finite


class Stored(BaseModel):
    """Content of a file that may come from an untrusted source: exact types, no other keys."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class StoredMetric(Stored):
    """A number; its value is None if it was not finite."""

    value: Number | None
    unit: str
    n: int
    standard_error: Number | None


class StoredFigure(Stored):
    """A file beside `metrics.json`, and its caption."""

    file: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,100}\.(png|gif)$")]
    caption: str


class NotDone(Stored):
    """A part without results."""

    status: Literal["failed", "not applicable"]
    reason: str
    settings: dict[str, int]
    seconds: Number


class Done(Stored):
    """A part with results."""

    status: Literal["done"]
    metrics: dict[str, StoredMetric]
    figures: list[StoredFigure]
    notes: list[str]
    settings: dict[str, int]
    seconds: Number


class StoredEvaluation(BaseModel):
    """An evaluation, as far as its parts can be used again."""

    checkpoint: dict[str, str]
    jlml: str
    feature_network_sha256: str
    parts: dict[str, Annotated[Done | NotDone, Field(discriminator="status")]]
