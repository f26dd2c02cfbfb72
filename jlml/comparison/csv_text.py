"""Tables as comma-separated text, for every CSV file that jlml writes."""

import csv
import io
from collections.abc import Mapping, Sequence


def as_csv(header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of values by column, under a header line. A missing value, or None, leaves its cell empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
