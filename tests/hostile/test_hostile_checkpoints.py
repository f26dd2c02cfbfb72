"""Checkpoints that would run code when they are unpickled, or fill the memory."""

from contextlib import suppress

import pytest
import torch
from exploits import PAYLOADS, READERS, Touch, as_zip, assert_exploit_works, assert_refused, rewrite
from omegaconf import OmegaConf

from conftest import each_once
from jlml.errors import UserError
from jlml.runs import build_model
from jlml.training.checkpoints import AtomicCheckpoints


@pytest.mark.parametrize(("payload", "reader"), each_once(PAYLOADS, READERS))
def test_a_checkpoint_runs_no_code(folder, canary, payload, reader):
    for which in ("best", "last"):
        path = folder / "checkpoints" / f"{which}.ckpt"
        PAYLOADS[payload](path, Touch(canary))
        with suppress(Exception):
            torch.load(path, weights_only=False)
        assert canary.exists()
        canary.unlink()
    assert_refused(reader, folder, canary, "is not a checkpoint|None of the 2 runs")


def test_a_bad_best_checkpoint_is_found_before_a_run_resumes(folder, canary):
    """Training loads it only at the end, perhaps after hours."""
    as_zip(folder / "checkpoints" / "best.ckpt", Touch(canary))
    before = (folder / "metrics.json").read_bytes()
    assert_refused("resume", folder, canary)
    assert (folder / "metrics.json").read_bytes() == before


def test_training_loads_only_tensors_even_if_the_environment_allows_pickles(tmp_path, canary, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    as_zip(tmp_path / "last.ckpt", Touch(canary))
    assert_exploit_works(lambda: torch.load(tmp_path / "last.ckpt"), canary)
    with pytest.raises(UserError, match="is not a checkpoint"):
        AtomicCheckpoints({}).load_checkpoint(tmp_path / "last.ckpt")
    assert not canary.exists()


def test_only_types_of_torch_are_on_the_safe_list_for_unpickling():
    """No imported package has added other types to the list."""
    names = {f"{getattr(one, '__module__', '')}" for one in torch.serialization.get_safe_globals()}
    assert {name.split(".")[0] for name in names} <= {"torch"}


TOO_LARGE = {
    "hidden": lambda config: config["model"].update(hidden=[200_000, 200_000]),  # 160 GB
    "latent": lambda config: config["latent"].update(dim=10**10),
    "image": lambda config: config.update(image_shape=[1, 100_000, 100_000]),
}


@pytest.mark.parametrize(("change", "reader"), each_once(TOO_LARGE, ["load", "evaluate", "resume"]))
def test_a_config_of_a_model_larger_than_its_checkpoint_fills_no_memory(folder, canary, change, reader):
    rewrite(folder, TOO_LARGE[change])
    assert_refused(reader, folder, canary, "is not a checkpoint of this run|does not make a|cannot be built")


@pytest.mark.parametrize("reader", ["load", "evaluate", "resume"])
def test_expanded_weights_in_a_small_file_fill_no_memory(folder, canary, reader):
    rewrite(folder, lambda config: config["model"].update(hidden=[200_000, 200_000]))
    config = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
    with torch.device("meta"):
        shapes = build_model(config, tuple(config["image_shape"])).state_dict()
    weights = {name: torch.zeros(1).expand(weight.shape) for name, weight in shapes.items()}
    for path in (folder / "checkpoints").glob("*.ckpt"):
        torch.save(torch.load(path, weights_only=True) | {"state_dict": weights}, path)
    assert_refused(reader, folder, canary, "its weights have 321,[0-9,]* bytes, more than the file")
