"""Arrays as text in a page: by bytes of equal weight, then gzip, then base64. `page/arrays.js` reads them."""

import base64
import gzip
from typing import Any

import numpy as np
from torch import Tensor

TYPES = ("uint8", "int32", "float32", "float16")


class Arrays:
    """The arrays of a page, by the id of their element."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, array: Tensor | np.ndarray, kind: str) -> dict[str, Any]:
        """Adds an array as one of `TYPES`. Returns the entry by which the page finds it."""
        values = np.ascontiguousarray(np.asarray(array).astype(f"<{np.dtype(kind).str[1:]}")).ravel()
        # all first bytes, then all second bytes: exponents of neighbours are alike, and alike bytes zip well
        planes = values.view(np.uint8).reshape(-1, values.itemsize).T
        name = f"array-{len(self.texts)}"
        self.texts[name] = base64.b64encode(gzip.compress(planes.tobytes(), 6, mtime=0)).decode()
        return {"id": name, "type": kind}
