"""A command goes on when its output is closed, or when nobody reads it any more."""

import subprocess
import sys

import pytest

from conftest import ROOT

PROGRAM = """
import sys
from jlml.cli.streams import silence_when_closed
silence_when_closed()
for number in range(5000):
    print("line", number)
    print("error", number, file=sys.stderr)
sys.stdout.flush()
open(sys.argv[1], "w").write("done")
"""


def shell(command, *arguments):
    return subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "redirection",
    ["| head -1", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&1 | head -1", "2>&1 >/dev/null | head -1"],
)
def test_a_program_whose_output_is_closed_goes_on(tmp_path, redirection):
    ended = shell(f'"$1" -c "$2" "$3" {redirection}', PROGRAM, tmp_path / "done")
    assert ended.returncode == 0
    assert (tmp_path / "done").read_text() == "done"
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "Broken pipe" not in ended.stderr


def test_output_that_is_read_is_complete(tmp_path):
    ended = shell('"$1" -c "$2" "$3"', PROGRAM, tmp_path / "done")
    assert ended.stdout.splitlines() == [f"line {number}" for number in range(5000)]
    assert ended.stderr.splitlines() == [f"error {number}" for number in range(5000)]


@pytest.mark.parametrize("command", ['"$1" -u -c "$2" "$3"', 'PYTHONUNBUFFERED=1 "$1" -c "$2" "$3"'])
def test_output_is_written_at_once_if_python_is_asked_to(tmp_path, command):
    killed = PROGRAM.replace("sys.stdout.flush()", "import os; os.kill(os.getpid(), 9)")
    assert len(shell(command, killed, tmp_path / "done").stdout.splitlines()) == 5000


def test_a_full_disk_is_still_an_error(tmp_path):
    ended = shell('"$1" -c "$2" "$3" > /dev/full', PROGRAM, tmp_path / "done")
    assert ended.returncode != 0
    assert "No space left on device" in ended.stderr
    assert not (tmp_path / "done").exists()


@pytest.mark.robustness
@pytest.mark.parametrize("redirection", ["| head -1", ">&- 2>&-"])
def test_a_run_whose_output_is_closed_finishes(tmp_path, redirection):
    overrides = (
        *("train.py", "data=mnist_5k", "data.subset=200", "trainer.max_epochs=3", "callbacks=none"),
        *("model.hidden=[8]", f"output_dir={tmp_path}"),
    )
    assert shell(f'"$@" {redirection}', *overrides).returncode == 0
    (folder,) = tmp_path.iterdir()
    assert '"status": "finished"' in (folder / "metrics.json").read_text()
