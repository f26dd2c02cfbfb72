"""Formats tables as CSV, for all CSV files of jlml."""

import csv
import io
from collections.abc import Mapping, Sequence


def as_csv(header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """A CSV text of a header and rows of values by column. A missing value or None gives an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
