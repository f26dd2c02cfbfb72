"""Child processes end with their parent, whenever it ends."""

import os
import time

import pytest
from omegaconf import OmegaConf

from conftest import run
from jlml.distributed.orphans import PARENT
from jlml.sweeps.launch import tied_workers
from parent_kills import COMMANDS, Command

CHILD = """
import os, sys, time
from jlml.distributed.orphans import end_with_parent
parent = os.getppid()
if sys.argv[1] == "after":
    end_with_parent()
print("JLML_PARENT" in os.environ, flush=True)
while os.getppid() == parent:
    time.sleep(0.01)
end_with_parent()
time.sleep(20)
sys.exit("The child is left.")
"""
PARENT_OF_CHILD = f"""
import subprocess, sys
from jlml.distributed.orphans import as_parent
with as_parent():
    child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, sys.argv[1]], stdout=subprocess.PIPE)
print(child.stdout.readline().decode())
"""


@pytest.mark.parametrize("parent_ends", ["before", "after"])
def test_a_child_ends_if_its_parent_ends_before_or_after_it_watches(parent_ends):
    ended = run("-c", PARENT_OF_CHILD, parent_ends)  # waits for the child too, which shares its stderr
    assert ended.stderr == ""
    # a child that watches keeps the variable from its own children
    assert ended.stdout.strip() == str(parent_ends == "before")


LEFT_CHILD = """
import os, time
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        time.sleep(0.01)
    from jlml.distributed.orphans import end_with_parent
    end_with_parent()
    print("The child is left.")
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_process_of_torchrun_ends_if_torchrun_ended_before_it_could_read_its_id():
    ended = run("-c", LEFT_CHILD, TORCHELASTIC_RUN_ID="none")  # waits for the child, which shares its stdout
    assert (ended.stdout, ended.stderr) == ("", "")


@pytest.mark.parametrize(("launcher", "is_tied"), [("Joblib", True), ("Ray", False), ("Slurm", False)])
def test_only_workers_of_joblib_are_tied_to_the_sweep(launcher, is_tied):
    """Workers of Ray and Slurm inherit the environment too, but have other parents."""
    with tied_workers(OmegaConf.create({"_target_": f"hydra_plugins.{launcher.lower()}.{launcher}"})) as tied:
        assert (PARENT in os.environ) == bool(tied) == is_tied
    assert PARENT not in os.environ


@pytest.mark.robustness
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
@pytest.mark.parametrize("seconds", [0, 1, 3])
@pytest.mark.parametrize("command", COMMANDS)
def test_all_processes_end_after_the_parent_is_killed_while_they_start(tmp_path, command, seconds):
    started = Command(*COMMANDS[command], f"output_dir={tmp_path}")
    started.wait_for_others()
    time.sleep(seconds)
    assert started.parent.poll() is None
    _, left = started.kill_parent()
    assert left == 0
