"""Tables as comma-separated text, for every CSV file that jlml writes."""

import csv
import io
from collections.abc import Mapping, Sequence


def as_csv(header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """The rows under a header line. A value that is missing or None leaves its cell empty.

    Args:
        header: names of the columns.
        rows: values by column.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
