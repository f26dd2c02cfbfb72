"""Standard output and error that go silent, instead of failing, when they are closed or nobody reads them."""

import errno
import io
import os
import sys
from typing import Any

GONE = (errno.EPIPE, errno.EIO, errno.EBADF)  # the pipe's reader, the terminal, the file


class UntilClosed(io.FileIO):
    """A file descriptor that is replaced by the null device when writing to it fails for good."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in GONE:
                raise
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())  # for child processes too
        os.close(null)
        return len(data)


def silence_when_closed() -> None:
    """Replaces standard output and error, unless they are already replaced."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
        elif stream is getattr(sys, f"__{name}__"):
            stream.flush()
            setattr(sys, name, until_closed(number, stream))


def until_closed(number: int, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """A stream with the settings of another, on the same file descriptor."""
    raw = UntilClosed(number, "w", closefd=False)
    unbuffered = stream.write_through  # python -u
    return io.TextIOWrapper(
        raw if unbuffered else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=unbuffered,
    )
