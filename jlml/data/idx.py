"""A reader for IDX files, the format of MNIST and Fashion-MNIST, that is safe for untrusted files."""

import gzip
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jlml.errors import UserError

LARGEST = 1 << 26  # bytes: MNIST has 47 million; a header that promises more is damaged or malicious


@dataclass(frozen=True)
class IdxFile:
    """The content of an IDX file: a ``uint8`` tensor, and the MD5 of the decompressed file."""

    values: Tensor
    md5: str


def read_idx(path: Path) -> IdxFile:
    """Reads a plain or gzipped IDX file of unsigned bytes with one to four dimensions.

    Layout: two zero bytes, the type (8 is uint8), the number of dimensions, their sizes as big-endian 32-bit
    numbers, the values. Never reads more than the header promises, so a gzip bomb does not fill memory.
    Source: http://yann.lecun.com/exdb/mnist.

    Raises:
        UserError: the file cannot be read, or does not contain exactly one such array.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return _parse(file.read, path)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path} is not an intact gzip file ({error}). {_REMEDY}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


_REMEDY = "Delete it to download it again, or put a good copy in its place."


def _parse(read: Callable[[int], bytes], path: Path) -> IdxFile:
    start = read(4)
    if len(start) < 4 or start[:3] != b"\0\0\x08" or not 1 <= start[3] <= 4:
        raise UserError(f"{path} is not an IDX file of bytes: it begins with {start!r}. {_REMEDY}")
    sizes = read(4 * start[3])
    shape = np.frombuffer(sizes[: len(sizes) // 4 * 4], dtype=">u4").tolist()
    promised = prod(shape)
    # max(size, 1): if one size is 0, the product is 0 although the others may overflow torch's size
    if len(shape) < start[3] or prod(max(size, 1) for size in shape) > LARGEST:
        raise UserError(f"{path} has a damaged header with the sizes {shape}. {_REMEDY}")
    content = bytearray(read(promised))
    if len(content) < promised:
        raise UserError(f"{path} is truncated: expected {promised} values, found {len(content)}. {_REMEDY}")
    if read(1):
        raise UserError(f"{path} has more than its {promised} values. {_REMEDY}")
    digest = hashlib.md5(start + sizes, usedforsecurity=False)
    digest.update(content)
    values = torch.from_numpy(np.frombuffer(content, dtype=np.uint8)).reshape(shape)
    return IdxFile(values, digest.hexdigest())
