"""The IDX reader on intact files and on every kind of damaged file."""

import gzip
import hashlib
import struct
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jlml.data.idx import read_idx
from jlml.errors import UserError


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


GOOD = idx_bytes(np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_plain_and_gzipped_files_are_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(GOOD) if name.endswith("gz") else GOOD)
    content = read_idx(path)
    assert torch.equal(content.values, torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4))
    assert content.md5 == hashlib.md5(GOOD).hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"<!DOCTYPE html>", "not an IDX file"),
        (b"\0\0\x0d\x01" + GOOD[4:], "not an IDX file"),
        (GOOD[:9], "damaged header"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "damaged header"),
        (b"\0\0\x08\x01\x08\0\0\0", "damaged header"),  # 128 MB fit in a small gzip file
        (b"\0\0\x08\x03" + bytes(4) + b"\xff" * 8, "damaged header"),
        (GOOD[:-1], "truncated: expected 24 values, found 23"),
        (GOOD + b"\0", "has more than its 24 values"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_the_error_of_a_bad_file_says_what_is_wrong(tmp_path, content, message, zipped):
    path = tmp_path / ("file.gz" if zipped else "file")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(UserError, match=message) as raised:
        read_idx(path)
    assert str(path) in str(raised.value)


# The cases need ids: gzip writes the time into its header, and parallel workers must agree on test names.
@pytest.mark.parametrize(
    "content",
    [b"<html>404</html>", gzip.compress(GOOD)[:-9], gzip.compress(GOOD)[:12] + b"\xff" * 30],
    ids=["html", "truncated", "damaged"],
)
def test_the_error_of_a_bad_gzip_file_names_it(tmp_path, content):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"file\.gz"):
        read_idx(path)


def test_a_missing_file_and_a_folder_are_user_errors(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_idx(path)


def test_a_gzip_bomb_is_read_only_up_to_the_size_in_its_header(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(GOOD + bytes(200_000_000), compresslevel=1))
    with pytest.raises(UserError, match="has more than"):
        read_idx(path)


@given(st.binary(max_size=64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_an_array_or_a_user_error(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(b"\0\0\x08" + content)
    with suppress(UserError):
        assert read_idx(path).values.dtype == torch.uint8
