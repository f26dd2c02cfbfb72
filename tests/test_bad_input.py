"""Whatever is wrong with what a user brings: one sentence that names it, and nothing written or lost.

Each case is a line: what it is called, how it is made, the command, and what the sentence must say. Commands
run in a folder with data/ (a small MNIST of our own), run/ (a run on it) and, should one be made, outputs/.
"""

import gc
import gzip
import runpy
import shlex
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import yaml
from hydra.core.global_hydra import GlobalHydra
from same import folder_contents

import jlml
from conftest import ROOT, without_privileges
from jlml.data.mnist import IDX_DATASETS, IdxDataset
from jlml.files import read_json

COMMANDS = {
    "train": "train.py data.root=data output_dir=outputs data.fallback=false",
    "sweep": "train.py -m data.root=data output_dir=outputs",
    "resume": "train.py resume=run data.root=data",
    "evaluate": "evaluate.py run=run data.root=data parts=[objective]",
    "evaluate.py": "evaluate.py",
    "train.py": "train.py",
}
LONGEST = 400  # characters of a sentence, paths included

RAW = "data/MNIST/raw"
IMAGES, LABELS = f"{RAW}/train-images-idx3-ubyte", f"{RAW}/train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = f"{RAW}/t10k-images-idx3-ubyte", f"{RAW}/t10k-labels-idx1-ubyte"
CONFIG, METRICS = "run/config.yaml", "run/metrics.json"
BEST, LAST = "run/checkpoints/best.ckpt", "run/checkpoints/last.ckpt"

Spoil = Callable[[], object]  # run in the folder of the case


class Case(NamedTuple):
    """A line of the table."""

    name: str
    spoil: Spoil
    command: str
    says: tuple[str, ...]


def case(name: str, spoil: Spoil, command: str, *says: str) -> Case:
    return Case(name, spoil, command, says)


def words(command: str, *says: str) -> Case:
    """A command line that is wrong in itself."""
    return Case(command, lambda: None, command, says)


# ways to spoil a file


def write(file: str, content: bytes | str) -> Spoil:
    return lambda: Path(file).write_bytes(content if isinstance(content, bytes) else content.encode())


def change(file: str, how: Callable[[bytes], bytes]) -> Spoil:
    return lambda: Path(file).write_bytes(how(Path(file).read_bytes()))


def cut(file: str, at: int | float) -> Spoil:
    """Truncated after so many bytes, before so many from the end, or at a fraction."""
    return change(file, lambda content: content[: at if isinstance(at, int) else int(at * len(content))])


def remove(*paths: str) -> Spoil:
    return lambda: [shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink() for path in paths]


def folder_at(path: str) -> Spoil:
    return lambda: (remove(path)(), Path(path).mkdir())


def file_at(path: str) -> Spoil:
    return lambda: (remove(path)(), Path(path).write_text("a file"))


def link_at(path: str, target: str) -> Spoil:
    """A link in its place; to its own name, it is a loop."""
    return lambda: (remove(path)(), Path(path).symlink_to(target))


def forbid(path: str, mode: int = 0) -> Spoil:
    return lambda: Path(path).chmod(mode)


def swap(one: str, other: str) -> Spoil:
    return lambda: [Path(a).rename(b) for a, b in ((one, "aside"), (other, one), ("aside", other))]


def copy(source: str, target: str) -> Spoil:
    return lambda: shutil.copy(source, target)


def zip_up(file: str, content: bytes | None = None) -> Spoil:
    """A gzipped file in place of the plain one."""

    def spoil() -> None:
        plain = Path(file).read_bytes() if content is None else content
        Path(file).unlink()
        Path(f"{file}.gz").write_bytes(gzip.compress(plain, 1))

    return spoil


def rename(source: str, target: str) -> Spoil:
    return lambda: Path(source).rename(target)


def flip(file: str, part: str, at: float = 0.5) -> Spoil:
    """One bit of the bytes that a part of a checkpoint's archive holds."""

    def spoil() -> None:
        content = bytearray(Path(file).read_bytes())
        with ZipFile(file) as archive:
            entry = next(entry for entry in archive.infolist() if entry.filename.endswith(part))
        name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
        start = entry.header_offset + 30 + name + extra
        content[start + int(at * entry.file_size)] ^= 16
        Path(file).write_bytes(content)

    return spoil


def flip_at(file: str, at: int) -> Spoil:
    """One bit of a byte counted from the start, or from the end."""

    def flipped(content: bytes) -> bytes:
        place = at % len(content)
        return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]

    return change(file, flipped)


def repack(file: str, how: Callable[[dict], object]) -> Spoil:
    """A whole checkpoint with something else in it."""

    def spoil() -> None:
        content = torch.load(file, weights_only=True)
        how(content)
        torch.save(content, file)

    return spoil


def reconfigure(how: Callable[[dict], object], version: str = "") -> Spoil:
    """Another config.yaml, and perhaps another version of jlml that made the run."""

    def spoil() -> None:
        config = yaml.safe_load(Path(CONFIG).read_text())
        how(config)
        Path(CONFIG).write_text(yaml.safe_dump(config))
        Path(METRICS).write_text(Path(METRICS).read_text().replace(jlml.__version__, version or "x", 1))

    return spoil


class Payload:
    """Code in a pickle."""

    def __reduce__(self) -> tuple:
        return Path.mkdir, (Path("harm"),)


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


HTML = b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
BOMB = idx(np.zeros((200, 28, 28))) + bytes(50_000_000)
BILLION_LAUGHS = "a: &a [x, x]\n" + "\n".join(
    f"{b}: &{b} [{', '.join(f'*{a}' * 9 for _ in [0])}]".replace("**", "*").replace(f"{a}*", f"{a}, *")
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

OF_CONFIG = [  # each kind of mistake, and each place that answers it
    words("train loss=contbern", "loss=contbern", "Did you mean cont_bern?"),
    words("train modle=vae", "modle", "Did you mean model?"),
    words("train latent.dmi=3", "latent.dmi", "Did you mean latent.dim?"),
    words("train +model.betta=2", "model.betta", "Did you mean beta?"),
    words("train data.pixels=gray", "data.pixels=gray", "Did you mean grey?"),
    words("train model._target_=jlml.models.VEA", "model._target_=jlml.models.VEA", "Did you mean VAE?"),
    words("train --hlep", "--hlep", "Did you mean --help?"),
    words("train latent.dim 3", "'latent.dim' is not an override"),
    words("train model.hidden=[128,64", "model.hidden=[128,64", "is not an override"),
    words("train loss.scale=0.1", "loss.scale is a key of loss=mse"),
    words("train latent=30", "latent.dim=30"),
    words("train latent.dim=two", "latent.dim=two", "an integer"),
    words("train latent.dim=null", "latent.dim=null is invalid"),
    words("train model.hidden=64", "model.hidden=64", "a list of integers"),
    words("train checkpoints=5", "checkpoints=5", "a group of keys"),
    words("train latent.dim=0", "latent.dim=0", ">= 1"),
    words("train latent.dim=1000000000000", "model", "memory"),
    words("train optimizer.lr=nan", "optimizer.lr=nan", "> 0"),
    words("train +optimizer.betas=[2,3]", "optimizer", "beta"),
    words("train seed=5000000000", "seed=5000000000", "4294967295"),
    words("train logger._target_=lightning.pytorch.loggers.CSVLogger", "logger._target_", "TensorBoard"),
    words("train callbacks.interpolations.pairs=[[1,77]]", "callbacks.interpolations.pairs=[[1,77]]"),
    words("train data.subset=5000", "data.subset=5000"),
    words("train data.image_size=20", "data.image_size=20", "data.fit=resize"),
    words("train ~loss", "loss is missing"),
    words("train model=conv_ae model.code=spatial latent.dim=30", "latent.dim=30", "latent.dim=32"),
    words("train data=mnist_5k data.fallback=true", "data.fallback=true is invalid for mnist_5k"),
    words("train +trainer.logger=false", "trainer.logger"),
    words("train +model.latent_dim=3", "model.latent_dim"),
    words("train trainer.devices=2", "trainer.devices=2", "trainer=ddp"),
    words("train trainer.compile=true", "trainer.compile is now speed.compile"),
    words("train speed.cuda_graphs=true", "speed.cuda_graphs=true", "trainer=gpu"),
    words("train search=vae search.trials=0", "search.trials=0"),
    words("train output_dir=/dev/null/x", "output_dir=/dev/null/x"),
    words("train +model.encoder.depth=2", "model.encoder.depth is not an option of jlml.networks.MLPEncoder"),
    words(
        "train trainer=gpu",
        "trainer.accelerator=gpu",
        "Use trainer=default.",
    ),
    words("train +trainer.fast_dev_run=true", "trainer.fast_dev_run=true", "expected false."),
    words("train trainer=ddp trainer.accelerator=cpu model=conv_ae", "ConvAE has batch norm", "Use "),
    words("train model.hidden=[1000000000]", "model: jlml.models.VAE cannot be built: "),
    words("train hydra.run.dir=mine", "hydra.run.dir=mine is invalid", "output_dir=<folder>"),
    words("sweep", "-m"),
    words("sweep model=ae,vea", "model=vea", "Did you mean vae?"),
    words("sweep latent.dim=2,0", "latent.dim=0"),
    words("sweep seed=0,1 search=vae", "leave -m out"),
    words("resume optimizer.lr=0.5 seed=3", "optimizer.lr is 0.001, not 0.5", "seed is 0, not 3"),
    words("resume trainer.max_epochs=1", "trainer.max_epochs=1", "2 of this run"),
    words("evaluate.py", "run=<folder>"),
    words("evaluate checkpoint=bets", "checkpoint=bets", "Did you mean best?"),
    words("evaluate parts=[likelyhood]", "parts=likelyhood", "Did you mean likelihood?"),
    words("evaluate latent.dim=3", "latent.dim is not a key of an evaluation"),
    words("evaluate plane=5", "plane=5"),
    words("evaluate runs=[a,b]", "run=<folder>"),
    words("evaluate parts=[pictures] plane.axes=[1,3]", "plane.axes=[1,3]", "latent dim 2"),
    words("evaluate device=gpus", "device=gpus", "Did you mean gpu?"),
]

OF_KEYS = [  # the same kinds, for the other keys
    words("train model=VAE", "model=VAE", "Did you mean vae?"),
    words("train latent=d30", "latent=d30", "Did you mean d32?", "d16, d2, d32, d64, d8"),
    words("train trainer=cpu", "trainer=cpu", "Choose one of: ddp, debug, default, fast, gpu."),
    words("train scheduler=cosin", "scheduler=cosin", "Did you mean cosine?"),
    words("train experiment=vae20d", "experiment=vae20d", "Did you mean vae_20d?"),
    words("train data=cifar", "data=cifar", "fashion_mnist, mnist, mnist_5k"),
    words("train +latent.dmi=3", "latent.dmi", "Did you mean latent.dim?"),
    words("train trainer.max_epoch=3", "trainer.max_epoch", "Did you mean trainer.max_epochs?"),
    words("train optimizer.l=0.1", "optimizer.l", "Did you mean optimizer.lr?"),
    words("train +checkpoints.step=5", "checkpoints.step", "Did you mean checkpoints.steps?"),
    words("train data.fit=resise", "data.fit=resise", "Did you mean resize?"),
    words("train model=conv_ae model.code=spatail", "model.code=spatail", "Did you mean spatial?"),
    words("train --latent.dim=3", "--latent.dim=3", "Use latent.dim=3."),
    words("train =3", "key"),
    words("train latent.dim=2.5", "latent.dim=2.5"),
    words("train latent.dim=true", "latent.dim=true"),
    words("train data.batch_size=[64]", "data.batch_size=[64]"),
    words("train trainer.deterministic=maybe", "trainer.deterministic=maybe"),
    words("train trainer.num_sanity_val_steps=x", "trainer.num_sanity_val_steps=x"),
    words("train scheduler=plateau scheduler.patience=x", "scheduler.patience=x"),
    words("train +callbacks.mine=5", "callbacks.mine=5 is invalid"),
    words("train latent.dim=-3", "latent.dim=-3"),
    words("train optimizer.lr=inf", "optimizer.lr=inf"),
    words("train +optimizer.betas=[0.9]", "optimizer"),
    words("train model.beta=-1", "model.beta=-1"),
    words("train threads=100000", "threads=100000", "1024"),
    words("train trainer.max_epochs=0", "trainer.max_epochs=0"),
    words("train +trainer.val_check_interval=0", "trainer.val_check_interval=0"),
    words("train +trainer.val_check_interval=0.5", "trainer.val_check_interval=0.5"),
    words("train scheduler=cosine scheduler.T_max=0", "scheduler.T_max=0"),
    words("train checkpoints.minutes=nan", "checkpoints.minutes=nan"),
    words(f"train data.pixels={'x' * 5000}", "data.pixels=xxx", "..."),
    words("train loss._target_=torch.nn.MSELoss ~loss.limit", "loss._target_=torch.nn.MSELoss"),
    words("train search=vae search.ranges.optimizer.lr.high=0", "search.ranges.optimizer.lr"),
    words("train loss=mse loss.scale=-1", "loss.scale=-1 is invalid: expected a number > 0."),
    words("train loss=mse loss.scale=nan", "loss.scale=nan is invalid"),
    words("train loss=mse loss.link=probit", "loss.link=probit", "sigmoid, identity."),
    words("train loss.limit=0.5", "loss.limit=0.5", ">= 0 and < 0.5."),
    words("train data.subset=0", "data.subset=0 is invalid: expected an integer >= 1, or null."),
    words("train data.batch_size=true", "data.batch_size=true is invalid"),
    words("train data.fallback=maybe", "data.fallback=maybe is invalid: expected true or false."),
    words("train model.hidden=[64,0]", "model.hidden=[64,0] is invalid"),
    words("train model=conv_ae model.code=flat", "model.code=flat", "dense, spatial."),
    words("train model=conv_vae model.code=spatial latent.dim=24", "latent.dim=24 does not fit"),
    words("train +latent.dmi=2", "latent.dmi is not a key of the config. Did you mean latent.dim?"),
    words("train +sped=fast", "sped is not a key of the config. Did you mean speed?"),
    words("train +callbacks.mine.every=1", "callbacks.mine._target_ is missing"),
    words("train callbacks.samples.rows=0", "callbacks.samples.rows=0 is invalid"),
    words("train callbacks.samples.every=0", "callbacks.samples.every=0 is invalid"),
    words("train callbacks.interpolations.pairs=[4,9]", "callbacks.interpolations.pairs=[4,9]"),
    words("train trainer.precision=12", "trainer.precision=12", "32-true, bf16-mixed."),
    words("train +trainer.max_steps=2", "trainer.max_steps=2 is invalid"),
    words("train +trainer.limit_val_batches=0", "trainer.limit_val_batches=0 is invalid"),
    words("train +trainer.strategy=ddp_spawn", "trainer.strategy=ddp_spawn", "auto, ddp."),
    words("train trainer.devices=0", "trainer.devices=0", ">= 1"),
    words("train trainer=ddp trainer.devices=auto", "trainer.devices=auto is invalid"),
    words("train trainer=ddp trainer.devices=[1,1]", "trainer.devices=[1,1] is invalid"),
    words("train trainer=ddp trainer.num_nodes=0", "trainer.num_nodes=0 is invalid"),
    words(
        "train trainer=ddp trainer.devices=[0,1,2] data.batch_size=2", "data.batch_size=2", "multiple of 3"
    ),
    words("train scheduler=plateau scheduler.factor=2", "scheduler.factor=2"),
    words("train ~trainer.max_epochs", "trainer.max_epochs is missing"),
    words("train output_dir=", "output_dir= is invalid: expected a text"),
    words(
        "train +trainer.epochs=3",
        "trainer.epochs",
        "Did you mean min_epochs?",
    ),
    words("train output_dir=/proc/none", "A run folder cannot be created in output_dir=/proc/none"),
    words("sweep seed=0,1 hydra.sweep.subdir=mine", "hydra.sweep.subdir=mine is invalid"),
    words("resume model=ae", "model is vae, not ae"),
    words("evaluate runs=run", "run=<folder>"),
    words("evaluate parts=[]", "parts=[]"),
    words("evaluate part=codes", "part", "Did you mean parts?"),
    words("evaluate hydra.run.dir=mine", "hydra.run.dir=mine is invalid"),
    words("evaluate +sed=1", "sed is not a key", "Did you mean seed?"),
    words("evaluate importance_samples=0", "importance_samples=0", ">= 1"),
    words("evaluate plane.axes=[1,1]", "plane.axes=[1,1]", "two different", "or null"),
    words("evaluate parts=[pictures] plane.images=[0,1,99]", "plane.images", "99"),
]

OF_DATA = [
    case("no data", remove("data"), "train", "data/MNIST/raw", "data.root"),
    case("no data to evaluate", remove("data"), "evaluate", "data/MNIST/raw", "data.root"),
    case("a file missing", remove(LABELS), "train", "data/MNIST/raw", "data.root"),
    case("no file at all", write("data/file", ""), "train data.root=data/file", "data/file is not a folder"),
    case("a long name", lambda: None, f"train data.root={'x' * 300}", "xxx", "name too long"),
    case("a loop as root", link_at("data", "data"), "train data.fallback=true", "data is not a folder"),
    case("a loop as raw", link_at(RAW, "raw"), "train data.fallback=true", f"{RAW} is not a folder"),
    case("a loop", link_at(IMAGES, Path(IMAGES).name), "train data.fallback=true", IMAGES, "symbolic links"),
    case("a link to nowhere", link_at(LABELS, "none"), "train data.fallback=true", LABELS),
    case("a folder in a file's place", folder_at(TEST_IMAGES), "train data.fallback=true", TEST_IMAGES),
    case("no permission", forbid(IMAGES), "train data.fallback=true", IMAGES, "ermission denied"),
    case("no permission for a folder", forbid(RAW), "train data.fallback=true", RAW, "ermission denied"),
    case("empty", write(IMAGES, b""), "train", IMAGES),
    case("html", write(LABELS, HTML), "train", LABELS, "not an IDX file"),
    case("truncated", cut(IMAGES, -1), "train data.fallback=true", IMAGES, "truncated"),
    case("truncated in the header", cut(TEST_LABELS, 6), "train", TEST_LABELS, "damaged header"),
    case("longer", change(LABELS, lambda data: data + b"\0"), "train", LABELS, "has more than its 200"),
    case("wrong magic", change(IMAGES, lambda data: b"\0\0\x0d" + data[3:]), "train", IMAGES, "not an IDX"),
    case("magic of labels", change(IMAGES, lambda data: b"\0\0\x08\x01" + data[4:]), "train", IMAGES),
    case("fewer labels", write(LABELS, idx(np.zeros(199))), "train", LABELS, "it differs"),
    case("more images", write(TEST_IMAGES, idx(np.zeros((51, 28, 28)))), "train", TEST_IMAGES),
    case("a label of 10", write(LABELS, idx(np.full(200, 10))), "train", LABELS, "it differs"),
    case("a flipped bit", flip_at(IMAGES, 5000), "train data.fallback=true", IMAGES, "it differs"),
    case(
        "train and t10k swapped",
        swap(IMAGES, TEST_IMAGES),
        "train",
        IMAGES,
        "content of t10k-images-idx3-ubyte",
    ),
    case(
        "images and labels swapped",
        swap(IMAGES, LABELS),
        "train",
        IMAGES,
        "content of train-labels-idx1-ubyte",
    ),
    case(
        "another set's labels",
        copy(TEST_LABELS, LABELS),
        "train",
        LABELS,
        "content of t10k-labels-idx1-ubyte",
    ),
    case("html.gz", lambda: (remove(IMAGES)(), write(f"{IMAGES}.gz", HTML)()), "train", f"{IMAGES}.gz"),
    case("plain.gz", rename(IMAGES, f"{IMAGES}.gz"), "train", f"{IMAGES}.gz", "not an intact gzip file"),
    case("empty.gz", lambda: (remove(LABELS)(), write(f"{LABELS}.gz", b"")()), "train", f"{LABELS}.gz"),
    case("truncated.gz", lambda: (zip_up(IMAGES)(), cut(f"{IMAGES}.gz", 0.5)()), "train", IMAGES),
    case("gzip bomb", zip_up(IMAGES, BOMB), "train", f"{IMAGES}.gz", "has more than its 156800 values"),
    case(
        "a header of 4 GB", zip_up(LABELS, b"\0\0\x08\1\xff\xff\xff\xff"), "train", LABELS, "damaged header"
    ),
    case("damaged data to evaluate", cut(TEST_IMAGES, 0.5), "evaluate", TEST_IMAGES, "truncated"),
    case("damaged data to go on with", cut(TEST_LABELS, 0.5), "resume trainer.max_epochs=3", TEST_LABELS),
]

CUTS = (0, 3, 64, 0.1, 0.5, 0.9, -5000, -100, -1)
PARTS = ("/data.pkl", "/byteorder", "/version", "/data/0", "/data/3", "/data/7")
MORE = "resume trainer.max_epochs=3"

MANY = pytest.mark.robustness
OF_DAMAGE = [
    *(
        case(
            f"truncated.gz at {at}",
            lambda at=at: (zip_up(IMAGES)(), cut(f"{IMAGES}.gz", at)()),
            "train",
            IMAGES,
        )
        for at in (5, 15, -9, -1)
    ),
    *(case(f"best cut at {at}", cut(BEST, at), "evaluate", BEST) for at in CUTS),
    *(case(f"last cut at {at}", cut(LAST, at), MORE, LAST) for at in CUTS),
    *(case(f"best with a bit of {part} flipped", flip(BEST, part), "evaluate", BEST) for part in PARTS),
    *(case(f"last with a bit of {part} flipped", flip(LAST, part), MORE, LAST) for part in PARTS),
    *(case(f"best with a bit of byte {at} flipped", flip_at(BEST, at), "evaluate", BEST) for at in (0, -20)),
]
OF_CHECKPOINTS = [
    case("best damaged, to go on with", flip(BEST, "/data/0"), MORE, BEST, "checksum"),
    case("last damaged, of a finished run", cut(LAST, 0.5), "resume", LAST),
    case("beside its folder", copy(BEST, "run/best.ckpt"), "evaluate.py run=run/best.ckpt", "run/best.ckpt"),
    case("zip of nonsense as best", write(BEST, b"PK\3\4 nonsense"), "evaluate", BEST),
    case("no best", remove(BEST), "evaluate", BEST, "missing"),
    case("no last", remove(LAST), "evaluate checkpoint=last", LAST, "missing"),
    case("no last to go on from", remove(LAST), MORE, LAST, "missing"),
    case("html as best", write(BEST, HTML), "evaluate", BEST),
    case("a folder as best", folder_at(BEST), "evaluate", BEST),
    case("a loop as best", link_at(BEST, "best.ckpt"), "evaluate", BEST),
    case("no permission", forbid(BEST), "evaluate", BEST, "ermission denied"),
    case("another model", copy("ae/checkpoints/best.ckpt", BEST), "evaluate", BEST, "model._target_ was"),
    case(
        "another model to go on from",
        copy("ae/checkpoints/last.ckpt", LAST),
        MORE,
        LAST,
        "model._target_ was",
    ),
    case(
        "another latent dim",
        copy("d3/checkpoints/best.ckpt", BEST),
        "evaluate",
        BEST,
        "latent.dim was 3 and is 2",
    ),
    case(
        "another latent dim to go on from",
        copy("d3/checkpoints/last.ckpt", LAST),
        MORE,
        LAST,
        "latent.dim was 3",
    ),
    case("of numbers alone", lambda: torch.save([1, 2], BEST), "evaluate", BEST),
    case("of weights alone", lambda: torch.save({"state_dict": {}}, BEST), "evaluate", BEST, "no config"),
    case("no weights", repack(BEST, lambda c: c.update(state_dict=3)), "evaluate", BEST, "no weights"),
    case(
        "a weight missing",
        repack(BEST, lambda c: c["state_dict"].popitem()),
        "evaluate",
        BEST,
        "lacks decoder",
    ),
    case("a weight too many", repack(BEST, lambda c: c["state_dict"].update(a=1)), "evaluate", BEST, "has a"),
    case(
        "no optimizer", repack(LAST, lambda c: c.pop("optimizer_states")), MORE, LAST, "no optimizer_states"
    ),
    case("a config of nothing", repack(BEST, lambda c: c.update(config=[])), "evaluate", BEST, "no config"),
    case("with code in it", repack(BEST, lambda c: c.update(x=Payload())), "evaluate", BEST, "not loaded"),
    case("with code, to go on from", repack(LAST, lambda c: c.update(x=Payload())), MORE, LAST, "not loaded"),
    case(
        "of a newer version",
        reconfigure(lambda config: copy("d3/checkpoints/best.ckpt", BEST)(), "9.1.0"),
        *("evaluate", "run was created by jlml 9.1.0", BEST),
    ),
]

OF_RUNS = [
    words("evaluate.py run=nowhere", "nowhere is not a run folder"),
    words("evaluate.py run=rum", "rum is not a run folder", "Did you mean run?"),
    words("train.py resume=rum", "rum is not a run folder", "Did you mean run?"),
    words("evaluate.py run=run/checkpoints/bets.ckpt", "run/checkpoints/bets.ckpt", "Did you mean best"),
    words("evaluate.py runs=nowhere", "runs=nowhere"),
    words("evaluate.py sweep=run", "sweep=run", "sweep.yaml"),
    case("foreign folder", lambda: None, "evaluate.py run=data", "data is not a run folder"),
    case("foreign folder to go on with", lambda: None, "train.py resume=data", "data is not a run folder"),
    case("a file", lambda: None, f"evaluate.py run={CONFIG}", CONFIG),
    case("a loop", link_at("run", "run"), "evaluate", "run cannot be read", "symbolic links"),
    case("a long name", lambda: None, f"evaluate.py run={'x' * 300}", "xxx", "name too long"),
    case("no permission", forbid("run"), "evaluate", "run", "ermission denied"),
    case("nothing may be written", forbid("run", 0o555), "evaluate", "run/evaluation", "ermission denied"),
    case("a file for the evaluation", write("run/evaluation", ""), "evaluate", "run/evaluation"),
    case("no config", remove(CONFIG), "evaluate", "run is not a run folder", "config.yaml"),
    case("no config to go on with", remove(CONFIG), "resume", "run is not a run folder", "config.yaml"),
    case("no checkpoints", remove("run/checkpoints"), "evaluate", BEST, "missing"),
    case("no checkpoints to go on from", remove("run/checkpoints"), "resume", LAST, "missing"),
    case("config empty", write(CONFIG, ""), "evaluate", CONFIG),
    case("config binary", write(CONFIG, bytes(range(256))), "evaluate", CONFIG),
    case("config of a page", write(CONFIG, HTML), "evaluate", CONFIG),
    case("config truncated", cut(CONFIG, 0.5), "evaluate", CONFIG),
    case("config of no yaml", write(CONFIG, "a: [1"), "evaluate", CONFIG),
    case("config a list", write(CONFIG, "- 1\n- 2\n"), "resume", CONFIG),
    case("config a word", write(CONFIG, "vae\n"), "evaluate", CONFIG),
    case("config huge", write(CONFIG, "a: 1\n" * 400_000), "evaluate", CONFIG, "has more than"),
    case("config a bomb", write(CONFIG, BILLION_LAUGHS), "evaluate", CONFIG, "alias"),
    case("config deep", write(CONFIG, "[" * 50_000), "evaluate", CONFIG),
    case("config unreadable", forbid(CONFIG), "evaluate", CONFIG, "ermission denied"),
    case(
        "config of Hydra", write(CONFIG, "seed: 0\nmodel: {_target_: x}\n"), "evaluate", CONFIG, "image_shape"
    ),
    case(
        "config without a model",
        reconfigure(lambda c: c.pop("model")),
        "evaluate",
        CONFIG,
        "model is missing",
    ),
    case(
        "config with a typo",
        reconfigure(lambda c: c.update(modle=1)),
        "evaluate",
        CONFIG,
        "Did you mean model?",
    ),
    case(
        "config with a word for keys",
        reconfigure(lambda c: c.update(callbacks=5)),
        "resume",
        CONFIG,
        "callbacks=5",
    ),
    case(
        "config with a wrong type", reconfigure(lambda c: c.update(latent=5)), "evaluate", CONFIG, "latent=5"
    ),
    case(
        "config of another shape", reconfigure(lambda c: c.update(image_shape=[1, 32, 32])), "evaluate", BEST
    ),
    case(
        "config of another dim",
        reconfigure(lambda c: c["latent"].update(dim=5)),
        MORE,
        LAST,
        "latent.dim was 2 and is 5",
    ),
    case(
        "config of another class",
        reconfigure(lambda c: c["loss"].update(_target_="os.abort")),
        MORE,
        "trust=true",
    ),
    case("config that resolves", write(CONFIG, "a: ${oc.env:HOME}"), "evaluate", CONFIG, "interpolation"),
    case(
        "of a newer version",
        reconfigure(lambda c: c.update(curvature=1), "9.1.0"),
        "evaluate",
        "jlml 9.1.0",
        "curvature",
    ),
    case("of a newer version, to go on with", reconfigure(lambda c: c.update(a=1), "0.3"), MORE, "jlml 0.3"),
    case(
        "of a newer option",
        reconfigure(lambda c: c["model"].update(a=1), "2.0"),
        "evaluate",
        "model.a",
        "jlml 2.0",
    ),
    case(
        "data elsewhere",
        reconfigure(lambda c: c["data"].update(root="gone")),
        "evaluate data.root=null",
        "gone",
    ),
]

CASES = {
    "config": OF_CONFIG,
    "key": OF_KEYS,
    "data": OF_DATA,
    "damage": OF_DAMAGE,
    "checkpoint": OF_CHECKPOINTS,
    "run": OF_RUNS,
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with data and runs in order; what is published is, in this module, the small MNIST there."""
    folder = tmp_path_factory.mktemp("good")
    raw = folder / RAW
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, values in (
        (IMAGES, random.integers(0, 256, (200, 28, 28))),
        (LABELS, np.arange(200) % 10),
        (TEST_IMAGES, random.integers(0, 256, (50, 28, 28))),
        (TEST_LABELS, np.arange(50) % 10),
    ):
        (folder / name).write_bytes(idx(values))
    sums = {name: md5((raw / name).read_bytes()).hexdigest() for name in IDX_DATASETS["mnist"].checksums}
    common = [f"data.root={folder / 'data'}", "data.fallback=false", "callbacks=none", "trainer.max_epochs=2"]
    runs = {
        "run": ["model.hidden=[8]"],
        "ae": ["model=ae", "model.hidden=[8]"],
        "d3": ["model.hidden=[8]", "latent.dim=3"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(IDX_DATASETS, "mnist", IdxDataset("MNIST", sums))
        for name, changes in runs.items():
            made = jlml.train(*common, *changes, parent=folder / "made", progress=[]).run.path
            shutil.move(made, folder / name)
        (folder / "made").rmdir()
        yield folder


def exit_of(command: str, patch: pytest.MonkeyPatch) -> object:
    """Runs a command as Python would, in this process, and gives what it exits with."""
    script, *arguments = shlex.split(command)
    patch.setattr(sys, "argv", [str(ROOT / script), *arguments])
    for name in ("HYDRA_FULL_ERROR", "JLML_COMMAND"):
        patch.setenv(name, "1")  # which the command sets, and is not to leave behind
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(sys.argv[0], run_name="__main__")
    gc.enable()  # as it was before the command
    gc.unfreeze()
    return ended.value.code


@pytest.mark.parametrize(
    ("name", "spoil", "command", "says"),
    [
        pytest.param(*case, id=f"{kind}: {case.name[:60]}", marks=MANY if kind in ("key", "damage") else ())
        for kind, cases in CASES.items()
        for case in cases
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    name, spoil, command, says, good, tmp_path, monkeypatch, capfd
):
    from torchvision.datasets import MNIST

    def offline(self):
        raise RuntimeError("no internet")

    monkeypatch.setattr(MNIST, "download", offline)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    spoil()
    kind, _, rest = command.partition(" ")
    before = folder_contents(tmp_path)
    with without_privileges():
        said = exit_of(f"{COMMANDS[kind]} {rest}", monkeypatch)
    assert folder_contents(tmp_path) == before
    assert isinstance(said, str)  # Python prints it and exits with 1
    assert said.startswith("Error: ")
    assert len(said.splitlines()) == 1
    assert len(said) < LONGEST
    for part in says:
        assert part in said
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert all("usage:" not in line for line in shown.err.splitlines())


def test_the_table_is_long_and_has_no_case_twice():
    ids = [(kind, case.name, case.command) for kind, cases in CASES.items() for case in cases]
    assert len(ids) == len(set(ids)) >= 60


def test_the_good_folder_is_good(good, tmp_path, monkeypatch):
    """Else every case would fail for a reason of its own."""
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for command in (MORE, "evaluate", "train trainer.max_epochs=1 callbacks=none model.hidden=[8]"):
        kind, _, rest = command.partition(" ")
        with pytest.raises(BaseException, match="DID NOT RAISE"), without_privileges():
            exit_of(f"{COMMANDS[kind]} {rest}", monkeypatch)
    assert read_json(tmp_path / METRICS)["epochs"] == 3
    assert (tmp_path / "run/evaluation/report.html").is_file()
