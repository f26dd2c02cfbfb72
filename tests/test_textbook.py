"""jlml trains ordinary models with an ordinary loop: two independent loops give the same weights.

The weights are bit for bit those of an unmodified `lightning.Trainer` and of 80 lines of plain PyTorch.
"""

from dataclasses import replace

import lightning
import numpy as np
import pytest
import torch

import jlml
from conftest import QUICK, ROOT
from jlml.data import mnist

MODELS = {
    "ae": ("model=ae", "loss=mse", "scheduler=cosine"),
    "conv_ae": ("model=conv_ae", "loss=bce", "scheduler=plateau", "data.pixels=binarized"),
    "vae": ("model=vae", "loss=cont_bern", "trainer.gradient_clip_val=100"),
    "conv_vae": ("model=conv_vae", "loss=cont_bern", "data.pixels=dequantized", "scheduler=warmup"),
    "vae with KL warm-up": ("model=vae", "loss=bce", "model.kl_warmup_epochs=2", "model.beta=0.7"),
}


def last_weights(trained):
    return torch.load(trained.run.checkpoint("last"), weights_only=True)["state_dict"]


@pytest.mark.parametrize("name", MODELS)
def test_an_unmodified_trainer_gives_the_same_weights(tmp_path, name):
    overrides = (*QUICK, *MODELS[name])
    trained = jlml.train(*overrides, parent=tmp_path / "jlml", progress=[])

    model, data = jlml.build(*overrides)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        deterministic=True,
        gradient_clip_val=100 if name == "vae" else None,
        default_root_dir=tmp_path / "lightning",
        enable_progress_bar=False,
    )
    trainer.fit(model, datamodule=data)
    torch.use_deterministic_algorithms(False)
    theirs = last_weights(trained)
    assert model.state_dict().keys() == theirs.keys()
    assert [
        name for name, weight in model.state_dict().items() if not torch.equal(weight, theirs[name])
    ] == []


def test_80_lines_of_plain_pytorch_give_the_same_weights(tmp_path, data_root, monkeypatch):
    """The data are the bundled images, written as the four MNIST files."""
    source = mnist.load_mnist_5k(data_root)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
    for part, chosen in (("train", order[:4500]), ("t10k", order[4500:])):
        write_idx(raw / f"{part}-images-idx3-ubyte", source.images[chosen, 0].numpy())
        write_idx(raw / f"{part}-labels-idx1-ubyte", source.labels[chosen].byte().numpy())
    sums = {name: mnist.read_idx(raw / name).md5 for name in mnist.IDX_DATASETS["mnist"].checksums}
    published = replace(mnist.IDX_DATASETS["mnist"], checksums=sums)
    monkeypatch.setitem(mnist.IDX_DATASETS, "mnist", published)

    trained = jlml.train(
        f"data.root={tmp_path}", "trainer.max_epochs=2", "callbacks=none", parent=tmp_path, progress=[]
    )
    monkeypatch.syspath_prepend(ROOT / "examples")
    plain_loop = pytest.importorskip("plain_loop")
    nets = plain_loop.train(raw, epochs=2, validation=500)
    theirs = list(last_weights(trained).values())
    ours = [weight for net in nets for weight in net.state_dict().values()]
    assert len(ours) == len(theirs)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))

    lines = (ROOT / "examples" / "plain_loop.py").read_text().splitlines()
    assert len(lines) <= 80
    imports = [line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))]
    assert set(imports) == {"numpy", "torch"}


def write_idx(path, values: np.ndarray) -> None:
    """Writes an IDX file: magic number, sizes, bytes."""
    sizes = np.array([0x800 + values.ndim, *values.shape], dtype=">u4")
    path.write_bytes(sizes.tobytes() + values.tobytes())
