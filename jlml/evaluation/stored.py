"""The schema of an evaluation's `metrics.json`, to validate an untrusted file before reusing its results."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(gt=-1e100, lt=1e100)]  # squares stay finite

Settings = dict[str, bool | int | str | list[int] | None]


class Stored(BaseModel):
    """Base class for the content of an untrusted file: strict types, no other keys."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class StoredMetric(Stored):
    """A metric. Its value is None if it was not finite."""

    value: Number | None
    unit: str
    n: int
    standard_error: Number | None


class StoredFigure(Stored):
    """The file name of a figure in the same folder, and its caption."""

    file: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,100}\.(png|gif)$")]
    caption: str


class NotDone(Stored):
    """A part without results."""

    status: Literal["failed", "not applicable"]
    reason: str
    settings: Settings
    seconds: Number


class Done(Stored):
    """A part with results."""

    status: Literal["done"]
    metrics: dict[str, StoredMetric]
    figures: list[StoredFigure]
    notes: list[str]
    files: list[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,100}\.(html|npy|csv)$")]] = []
    settings: Settings
    seconds: Number


class StoredEvaluation(BaseModel):
    """The keys of an evaluation that matter for reusing its parts."""

    checkpoint: dict[str, str]
    jlml: str
    feature_network_sha256: str
    parts: dict[str, Annotated[Done | NotDone, Field(discriminator="status")]]
