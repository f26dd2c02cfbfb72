"""Verified tensors, kept for the next run: full MNIST in 0.08 s, where unpacking and MD5 take 0.4 s.

In a folder of the user's own, never beside the data, which may be shared. What is there is trusted no more
than the data: no pickled code is run, and anything odd about it means that the data is read anew.
"""

import io
import zlib
from collections.abc import Callable, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jlml.caches import cache_folder, keep, state_of


def cached(files: Sequence[Path], read: Callable[[], list[Tensor]]) -> list[Tensor]:
    """What ``read`` makes of the files, from the cache if they have not changed since.

    Args:
        files: that are read.
        read: verifies them and gives contiguous ``uint8`` tensors. Its errors are the caller's.
    """
    try:
        # before they are read: what changes meanwhile is read again
        seen = [state_of(file) for file in files]
        name = md5("\n".join(path for path, *_ in seen).encode(), usedforsecurity=False).hexdigest()
        place = cache_folder() / f"{name}.pt"
    except (OSError, RuntimeError):  # a file or a home that is not there
        return read()
    kept = _kept(place, seen)
    if kept is not None:
        return kept
    tensors = read()
    content = io.BytesIO()
    torch.save({"seen": seen, "sums": _sums(tensors), "tensors": tensors}, content)
    keep(place, content.getbuffer())
    return tensors


def _kept(place: Path, seen: list[list[Any]]) -> list[Tensor] | None:
    """The tensors in a cache that is whole and of these files; else None."""
    try:
        content = torch.load(place, weights_only=True)
        tensors: list[Tensor] = content["tensors"]
        right = content["seen"] == seen and content["sums"] == _sums(tensors)
    except Exception:  # there is none, or it is damaged or hostile, and torch may raise anything
        return None
    return tensors if right else None


def _sums(tensors: Sequence[Tensor]) -> list[list[Any]]:
    """Type, shape and CRC-32 of each tensor: 0.02 s for 55 MB, where MD5 takes 0.1 s. torch checks none."""
    return [[str(t.dtype), list(t.shape), zlib.crc32(t.numpy().data)] for t in tensors]
