"""What a user sees while a run trains: in a terminal, in a log file, after Ctrl-C and in a resumed run."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from test_resume import Cut

import jlml
from conftest import QUICK, ROOT, run
from jlml.comparison.quantities import formatted
from jlml.runs import Run
from jlml.training.resume import resume
from jlml.training.words import duration

SMALL = ("data=mnist_5k", "data.subset=200", "data.batch_size=10", "callbacks=none", "logger=none")
NUMBER = r"-?[\d,]+\.?\d*"
EPOCH = re.compile(rf"^ +(\d+)/(\d+)((?: +{NUMBER}){{4}}) +\d+ (s|min)$", re.MULTILINE)


def in_terminal(*overrides, columns=80, interrupt_at=None):
    """Runs train.py in a terminal. Returns the lines that stay on the screen, and the exit code.

    Args:
        overrides: overrides of the command.
        columns: width of the terminal.
        interrupt_at: text on the screen at which Ctrl-C is pressed.
    """
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "train.py", *SMALL, *overrides],
        cwd=ROOT,
        env=environment | {"TERM": "xterm", "OMP_NUM_THREADS": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            some = os.read(ours, 1 << 16)
        except OSError:  # the terminal is closed
            break
        if not some:
            break
        shown += some
        if interrupt_at is not None and interrupt_at in shown:
            os.write(ours, b"\x03")
            interrupt_at = None
    return on_screen(shown.decode()), process.wait(60)


def on_screen(text):
    """The lines that a terminal shows in the end: a carriage return goes to the start of the line."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        visible = ""
        for part in line.split("\r"):
            erased = part.startswith("\x1b[K")
            part = part.removeprefix("\x1b[K")
            visible = part if erased else part + visible[len(part) :]
        lines.append(re.sub(r"\x1b\[[\d;]*m", "", visible).rstrip())
    return lines


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("columns", [80, pytest.param(120, marks=pytest.mark.robustness)])
def test_every_epoch_stays_on_the_screen_below_a_header(tmp_path, columns):
    lines, code = in_terminal(f"output_dir={tmp_path}", "trainer.max_epochs=3", columns=columns)
    assert code == 0, lines
    assert lines[0] == "Training vae, loss cont_bern, 2 latent dims, data mnist_5k, 3 epochs, seed 0"
    assert re.fullmatch(r"Model +VAE, latent dim 2, 1,289,788 parameters", lines[1])
    assert re.fullmatch(r"Data +mnist_5k: 200 training, 200 validation, 200 test images", lines[2])
    heading = next(place for place, line in enumerate(lines) if line.split()[:1] == ["epoch"])
    epochs = lines[heading + 1 : heading + 4]
    assert [EPOCH.match(line)[1] for line in epochs] == ["1", "2", "3"]
    assert {len(line) for line in epochs} == {len(lines[heading])}
    assert len(lines[heading]) <= 79
    assert lines[heading + 4].startswith("vae, cont_bern")  # no bar is left
    assert not any("[===" in line for line in lines)


@pytest.mark.robustness
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_message_after_ctrl_c_has_a_line_of_its_own_and_the_command_to_resume(tmp_path):
    overrides = (f"output_dir={tmp_path}", "trainer.max_epochs=500")
    lines, code = in_terminal(*overrides, interrupt_at=b" of 20 batches")
    assert code == 130
    (message,) = [line for line in lines if "Stopped by" in line]
    assert message.startswith("Stopped by SIGINT, everything is saved. Resume with: python train.py resume=")
    assert not any(" of 20 batches" in line for line in lines)


def test_without_a_terminal_there_are_plain_lines_with_the_numbers_of_the_run(tmp_path, capsys):
    trained = jlml.train(*SMALL, "trainer.max_epochs=2", parent=tmp_path)
    out = capsys.readouterr().out
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out)
    assert "[" not in out
    found = EPOCH.findall(out)
    assert [number for number, *_ in found] == ["1", "2"]
    history = pd.read_csv(trained.run.path / "history.csv").dropna(subset="val/loss")
    for (_, _, numbers, _), (_, row) in zip(found, history.iterrows(), strict=True):
        expected = [formatted(row[name], name) for name in ("train/epoch_loss", "val/loss", "val/mse")]
        assert numbers.split()[:3] == expected


def test_a_resumed_run_says_from_where_and_a_finished_one_that_it_is_finished(tmp_path, capsys):
    overrides = (*QUICK[:3], "callbacks=none", "trainer.max_epochs=3")
    with pytest.raises(SystemExit):
        jlml.train(jlml.compose(*overrides), run=Run.at(tmp_path / "run"), progress=[Cut(1, "validation")])
    resume(tmp_path / "run")
    out = capsys.readouterr().out
    assert "Resumed from epoch 2.\n" in out
    assert [number for number, *_ in EPOCH.findall(out)] == ["2", "3"]
    resume(tmp_path / "run")
    out = capsys.readouterr().out
    assert "Already finished after 3 epochs" in out
    assert "trainer.max_epochs=" in out
    assert not EPOCH.findall(out)


def test_durations_are_in_seconds_minutes_or_hours():
    assert [duration(seconds) for seconds in (0.4, 89, 91, 3600, 7200)] == [
        "0 s",
        "89 s",
        "2 min",
        "60 min",
        "2.0 h",
    ]


@pytest.mark.robustness
def test_a_first_line_appears_before_torch_is_imported(tmp_path):
    program = (
        "import runpy, sys\n"
        "class Watched:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch': sys.exit('torch')\n"
        "sys.meta_path.insert(0, Watched())\n"
        "sys.argv = ['train.py', 'model=ae', 'latent.dim=1', 'trainer.max_epochs=1', 'seed=3']\n"
        "runpy.run_path('train.py', run_name='__main__')"
    )
    answered = run("-c", program)
    assert answered.stderr == "torch\n"
    assert answered.stdout == "Training ae, loss cont_bern, 1 latent dim, data mnist, 1 epoch, seed 3\n"
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):  # other processes of a run print nothing
        assert run("-c", program, **{name: "1"}).stdout == ""
