"""Every mistake of a user gives one sentence that names it, and no file is written or lost.

A case has a name, a function that damages a file, a command, and texts that the sentence must contain.
Commands run in a folder with data/ (a small artificial MNIST) and run/ (a run on it), and write to outputs/.
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
MAX_LENGTH = 400  # of a sentence in characters, including paths

RAW = "data/MNIST/raw"
IMAGES, LABELS = f"{RAW}/train-images-idx3-ubyte", f"{RAW}/train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = f"{RAW}/t10k-images-idx3-ubyte", f"{RAW}/t10k-labels-idx1-ubyte"
CONFIG, METRICS = "run/config.yaml", "run/metrics.json"
BEST, LAST = "run/checkpoints/best.ckpt", "run/checkpoints/last.ckpt"

Damage = Callable[[], object]  # called in the folder of the case


class Case(NamedTuple):
    """A row of the table."""

    name: str
    damage: Damage
    command: str
    expected: tuple[str, ...]


def case(name: str, damage: Damage, command: str, *expected: str) -> Case:
    return Case(name, damage, command, expected)


def mistake(command: str, *expected: str) -> Case:
    """A case with a mistake in the command line and undamaged files."""
    return Case(command, lambda: None, command, expected)


# ways to damage a file


def write(file: str, content: bytes | str) -> Damage:
    return lambda: Path(file).write_bytes(content if isinstance(content, bytes) else content.encode())


def change(file: str, how: Callable[[bytes], bytes]) -> Damage:
    return lambda: Path(file).write_bytes(how(Path(file).read_bytes()))


def cut(file: str, at: int | float) -> Damage:
    """Truncates a file at a byte counted from the start or the end, or at a fraction of its size."""
    return change(file, lambda content: content[: at if isinstance(at, int) else int(at * len(content))])


def remove(*paths: str) -> Damage:
    return lambda: [shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink() for path in paths]


def folder_at(path: str) -> Damage:
    return lambda: (remove(path)(), Path(path).mkdir())


def file_at(path: str) -> Damage:
    return lambda: (remove(path)(), Path(path).write_text("a file"))


def link_at(path: str, target: str) -> Damage:
    """Replaces a path by a link. A link to its own name is a loop."""
    return lambda: (remove(path)(), Path(path).symlink_to(target))


def forbid(path: str, mode: int = 0) -> Damage:
    return lambda: Path(path).chmod(mode)


def swap(one: str, other: str) -> Damage:
    return lambda: [Path(a).rename(b) for a, b in ((one, "aside"), (other, one), ("aside", other))]


def copy(source: str, target: str) -> Damage:
    return lambda: shutil.copy(source, target)


def zip_up(file: str, content: bytes | None = None) -> Damage:
    """Replaces a file by a gzipped one, with the same or the given content."""

    def damage() -> None:
        plain = Path(file).read_bytes() if content is None else content
        Path(file).unlink()
        Path(f"{file}.gz").write_bytes(gzip.compress(plain, 1))

    return damage


def rename(source: str, target: str) -> Damage:
    return lambda: Path(source).rename(target)


def flip(file: str, part: str, at: float = 0.5) -> Damage:
    """Flips one bit in a file of a checkpoint's zip archive."""

    def damage() -> None:
        content = bytearray(Path(file).read_bytes())
        with ZipFile(file) as archive:
            entry = next(entry for entry in archive.infolist() if entry.filename.endswith(part))
        name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
        start = entry.header_offset + 30 + name + extra
        content[start + int(at * entry.file_size)] ^= 16
        Path(file).write_bytes(content)

    return damage


def flip_at(file: str, at: int) -> Damage:
    """Flips one bit of the byte at this index, which counts from the end if it is negative."""

    def flipped(content: bytes) -> bytes:
        index = at % len(content)
        return content[:index] + bytes([content[index] ^ 16]) + content[index + 1 :]

    return change(file, flipped)


def repack(file: str, how: Callable[[dict], object]) -> Damage:
    """Changes the content of a checkpoint and saves it again."""

    def damage() -> None:
        content = torch.load(file, weights_only=True)
        how(content)
        torch.save(content, file)

    return damage


def reconfigure(how: Callable[[dict], object], version: str = "") -> Damage:
    """Changes config.yaml, and replaces the version of jlml in metrics.json."""

    def damage() -> None:
        config = yaml.safe_load(Path(CONFIG).read_text())
        how(config)
        Path(CONFIG).write_text(yaml.safe_dump(config))
        Path(METRICS).write_text(Path(METRICS).read_text().replace(jlml.__version__, version or "x", 1))

    return damage


class Payload:
    """An object that creates a folder when it is unpickled."""

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

MISTAKES = [  # each kind of mistake and each part of jlml that reports it
    mistake("train loss=contbern", "loss=contbern", "Did you mean cont_bern?"),
    mistake("train modle=vae", "modle", "Did you mean model?"),
    mistake("train latent.dmi=3", "latent.dmi", "Did you mean latent.dim?"),
    mistake("train +model.betta=2", "model.betta", "Did you mean beta?"),
    mistake("train data.pixels=gray", "data.pixels=gray", "Did you mean grey?"),
    mistake("train model._target_=jlml.models.VEA", "model._target_=jlml.models.VEA", "Did you mean VAE?"),
    mistake("train --hlep", "--hlep", "Did you mean --help?"),
    mistake("train latent.dim 3", "'latent.dim' is not an override"),
    mistake("train batch_size=64", "batch_size is not a key", "Did you mean data.batch_size?"),
    mistake("train --epochs=5", "--epochs=5", "Use trainer.max_epochs=5."),
    mistake("train --lr 1e-3", "--lr", "Did you mean optimizer.lr?"),
    mistake("train model=[ae,vae]", "model=[ae,vae]", "-m model=ae,vae"),
    mistake("train data.batch_size=99999999999999999999", "data.batch_size=9999", "below 2^63"),
    mistake("train optimizer.fused=foo", "optimizer.fused=foo", "expected true or false, or null."),
    mistake("train experiment=", "experiment= is not a choice"),
    mistake("train --resolve", "--resolve needs --cfg"),
    mistake("sweep seed=range(0)", "seed=range(0) has no values"),
    mistake("train model.hidden=[128,64", "model.hidden=[128,64", "is not an override"),
    mistake("train loss.scale=0.1", "loss.scale is a key of loss=mse"),
    mistake("train latent=30", "latent.dim=30"),
    mistake("train latent.dim=two", "latent.dim=two", "an integer"),
    mistake("train latent.dim=null", "latent.dim=null is invalid"),
    mistake("train model.hidden=64", "model.hidden=64", "a list of integers"),
    mistake("train checkpoints=5", "checkpoints=5", "a group of keys"),
    mistake("train latent.dim=0", "latent.dim=0", ">= 1"),
    mistake("train latent.dim=1000000000000", "model", "memory"),
    mistake("train optimizer.lr=nan", "optimizer.lr=nan", "> 0"),
    mistake("train +optimizer.betas=[2,3]", "optimizer", "beta"),
    mistake("train seed=5000000000", "seed=5000000000", "4294967295"),
    mistake("train +logger.x._target_=torch.nn.Identity", "logger.x._target_", "Logger"),
    mistake("train callbacks.interpolations.pairs=[[1,77]]", "callbacks.interpolations.pairs=[[1,77]]"),
    mistake("train data.subset=5000", "data.subset=5000"),
    mistake("train data.fit=stretch", "data.fit=stretch", "one of: pad, crop, resize"),
    mistake("train data.validation_size=1.5", "data.validation_size=1.5", "a fraction between 0 and 1"),
    mistake("train ~loss", "loss is missing"),
    mistake("train model=conv_ae model.code=spatial latent.dim=30", "latent.dim=30", "latent.dim=32"),
    mistake("train data=mnist_5k data.fallback=true", "data.fallback=true is invalid for mnist_5k"),
    mistake("train +trainer.logger=false", "trainer.logger"),
    mistake("train +model.latent_dim=3", "model.latent_dim"),
    mistake("train trainer.devices=2", "trainer.devices=2", "trainer=ddp"),
    mistake("train trainer.compile=true", "trainer.compile is now speed.compile"),
    mistake("train speed.cuda_graphs=true", "speed.cuda_graphs=true", "trainer=gpu"),
    mistake("train search=vae search.trials=0", "search.trials=0"),
    mistake("train output_dir=/dev/null/x", "output_dir=/dev/null/x"),
    mistake(
        "train +model.encoder.depth=2", "model.encoder.depth is not an option of jlml.networks.MLPEncoder"
    ),
    mistake(
        "train trainer=gpu",
        "trainer.accelerator=gpu",
        "Use trainer=default.",
    ),
    mistake(
        "train +trainer.fast_dev_run=true", "trainer.fast_dev_run=true", "expected false; use trainer=debug."
    ),
    mistake("train trainer=ddp trainer.accelerator=cpu model=conv_ae", "ConvAE has batch norm", "Use "),
    mistake("train trainer=ddp trainer.accelerator=cpu model.norm=batch", "VAE has batch norm", "Use "),
    mistake("train model.hidden=[1000000000]", "model: jlml.models.VAE cannot be built: "),
    mistake("train hydra.run.dir=mine", "hydra.run.dir=mine is invalid", "output_dir=<folder>"),
    mistake("sweep", "-m"),
    mistake("sweep model=ae,vea", "model=vea", "Did you mean vae?"),
    mistake("sweep latent.dim=2,0", "latent.dim=0"),
    mistake("sweep seed=0,1 search=vae", "leave -m out"),
    mistake("resume optimizer.lr=0.5 seed=3", "optimizer.lr is 0.001, not 0.5", "seed is 0, not 3"),
    mistake("resume trainer.max_epochs=1", "trainer.max_epochs=1", "2 of this run"),
    mistake("evaluate.py", "run=<folder>"),
    mistake("evaluate checkpoint=bets", "checkpoint=bets", "Did you mean best?"),
    mistake("evaluate parts=[likelyhood]", "parts=likelyhood", "Did you mean likelihood?"),
    mistake("evaluate latent.dim=3", "latent.dim is not a key of an evaluation"),
    mistake("evaluate plane=5", "plane=5"),
    mistake("evaluate runs=[a,b]", "run=<folder>"),
    mistake("evaluate parts=[pictures] plane.axes=[1,3]", "plane.axes=[1,3]", "latent dim 2"),
    mistake("evaluate device=gpus", "device=gpus", "Did you mean gpu?"),
]

MORE_MISTAKES = [  # the same kinds for the other keys
    # habits from lightning-hydra-template and other tools
    mistake("train hydra.job.chdir=true", "hydra.job.chdir=true", "Use output_dir=<folder>."),
    mistake("train ckpt_path=here", "ckpt_path", "Did you mean resume=<run folder>?"),
    mistake("evaluate ckpt_path=here", "ckpt_path", "Did you mean run?"),
    mistake("train trainer.fast_dev_run=true", "Did you mean trainer=debug?"),
    mistake("train trainer.limit_train_batches=2", "with a plus: '+trainer.limit_train_batches=...'"),
    mistake("train trainer.profiler=simple", "with a plus: '+trainer.profiler=...'"),
    mistake("train +callbacks.x=y", "set callbacks.x.<key>="),
    mistake("train debug=default", "Did you mean trainer=debug?"),
    mistake("train test=false", "Did you mean python evaluate.py run=<run folder>?"),
    mistake("train hparams_search=optuna", "Did you mean search?"),
    mistake("train callbacks.early_stopping.patience=3", "Did you mean early_stopping=<epochs>?"),
    mistake("train data.data_dir=here", "Did you mean data.root?"),
    mistake("train logger=many", "Choose one of: csv, mlflow, none, tensorboard, wandb."),
    mistake("train logger.wandb.project=x", "is a key of logger=wandb"),
    mistake("train tags=one", "expected a list of texts"),
    mistake("train model=VAE", "model=VAE", "Did you mean vae?"),
    mistake("train latent=d30", "latent=d30", "Did you mean d32?", "d16, d2, d32, d64, d8"),
    mistake("train trainer=cpu", "trainer=cpu", "Choose one of: ddp, debug, default, fast, gpu."),
    mistake("train scheduler=cosin", "scheduler=cosin", "Did you mean cosine?"),
    mistake("train experiment=vae20d", "experiment=vae20d", "Did you mean vae_20d?"),
    mistake("train data=cifar", "data=cifar", "Choose one of: digits8, fashion_mnist, folder, mnist,"),
    mistake("train +latent.dmi=3", "latent.dmi", "Did you mean latent.dim?"),
    mistake("train trainer.max_epoch=3", "trainer.max_epoch", "Did you mean trainer.max_epochs?"),
    mistake("train optimizer.l=0.1", "optimizer.l", "Did you mean optimizer.lr?"),
    mistake("train +checkpoints.step=5", "checkpoints.step", "Did you mean checkpoints.steps?"),
    mistake("train data.fit=resise", "data.fit=resise", "Did you mean resize?"),
    mistake("train model=conv_ae model.code=spatail", "model.code=spatail", "Did you mean spatial?"),
    mistake("train --latent.dim=3", "--latent.dim=3", "Use latent.dim=3."),
    mistake("train --gpus=2", "--gpus=2", "Use trainer=gpu."),
    mistake("train epochs=5", "epochs", "Did you mean trainer.max_epochs?"),
    mistake("train +lr=5", "lr", "Did you mean optimizer.lr?"),
    mistake("train latent_dim=5", "latent_dim", "Did you mean latent.dim?"),
    mistake("train beta=5", "beta", "Did you mean model.beta?"),
    mistake("train gpus=5", "gpus", "Did you mean trainer=gpu?"),
    mistake("train data=[1,2]", "data=[1,2]", "one choice"),
    mistake("train model.hidden=[99999999999999999999]", "model.hidden", "below 2^63"),
    mistake("train +optimizer.eps=small", "optimizer.eps=small", "expected a number"),
    mistake("train +experiment=", "experiment= is not a choice"),
    mistake("train sweep.over=x", "sweep.over is not a key"),
    mistake("sweep 'seed=glob(*)'", "seed=glob(*) has no values"),
    mistake("sweep seed=1,2 hydra.sweeper.max_batch_size=", "hydra.sweeper.max_batch_size= is invalid"),
    mistake("train =3", "key"),
    mistake("evaluate ae", "'ae' is not an override. Write run=ae."),
    mistake("train latent.dim=2.5", "latent.dim=2.5"),
    mistake("train latent.dim=true", "latent.dim=true"),
    mistake("train data.batch_size=[64]", "data.batch_size=[64]"),
    mistake("train trainer.deterministic=maybe", "trainer.deterministic=maybe"),
    mistake("train trainer.num_sanity_val_steps=x", "trainer.num_sanity_val_steps=x"),
    mistake("train scheduler=plateau scheduler.patience=x", "scheduler.patience=x"),
    mistake("train +callbacks.mine=5", "callbacks.mine=5 is invalid"),
    mistake("train latent.dim=-3", "latent.dim=-3"),
    mistake("train optimizer.lr=inf", "optimizer.lr=inf"),
    mistake("train +optimizer.betas=[0.9]", "optimizer"),
    mistake("train model.beta=-1", "model.beta=-1"),
    mistake("train threads=100000", "threads=100000", "1024"),
    mistake("train trainer.max_epochs=0", "trainer.max_epochs=0"),
    mistake("train keep_checkpoints_every=0", "=0 is invalid: expected an integer >= 1, or null."),
    mistake("train keep_checkpoints_every=auto", "keep_checkpoints_every=auto is invalid"),
    mistake("train +trainer.val_check_interval=0", "trainer.val_check_interval=0"),
    mistake("train +trainer.val_check_interval=0.5", "trainer.val_check_interval=0.5"),
    mistake("train scheduler=cosine scheduler.T_max=0", "scheduler.T_max=0"),
    mistake("train checkpoints.minutes=nan", "checkpoints.minutes=nan"),
    mistake(f"train data.pixels={'x' * 5000}", "data.pixels=xxx", "..."),
    mistake("train loss._target_=torch.nn.MSELoss ~loss.limit", "loss._target_=torch.nn.MSELoss"),
    mistake("train search=vae search.ranges.optimizer.lr.high=0", "search.ranges.optimizer.lr"),
    mistake("train loss=mse loss.scale=-1", "loss.scale=-1 is invalid: expected a number > 0."),
    mistake("train loss=mse loss.scale=nan", "loss.scale=nan is invalid"),
    mistake("train loss=mse loss.link=probit", "loss.link=probit", "sigmoid, identity."),
    mistake("train loss.limit=0.5", "loss.limit=0.5", ">= 0 and < 0.5."),
    mistake("train data.subset=0", "data.subset=0 is invalid: expected an integer >= 1, or null."),
    mistake("train data.batch_size=true", "data.batch_size=true is invalid"),
    mistake("train data.fallback=maybe", "data.fallback=maybe is invalid: expected true or false, or null."),
    mistake("train model.hidden=[64,0]", "model.hidden=[64,0] is invalid"),
    mistake("train model=conv_ae model.code=flat", "model.code=flat", "dense, spatial."),
    mistake("train model=conv_vae model.code=spatial latent.dim=24", "latent.dim=24 does not fit"),
    mistake("train model=conv_ae model.code=spatial latent=d64", "model.code=spatial", "model.hidden=[]"),
    mistake("train model.activation=gelu", "model.activation=gelu", "relu, silu, tanh, elu, or null."),
    mistake("train model.norm=layer", "model.norm=layer", "none, batch, maps, or null."),
    mistake("train model.init=xavier", "model.init=xavier", "torch, he, or null."),
    mistake("train model.dropout=1", "model.dropout=1 is invalid", "< 1"),
    mistake("train model.norm=batch data.batch_size=1", "data.batch_size=1 leaves one of", "model.norm=none"),
    mistake("train scheduler=one_cycle scheduler.total_steps=9", "scheduler.total_steps=9 is less than"),
    mistake("train +latent.dmi=2", "latent.dmi is not a key of the config. Did you mean latent.dim?"),
    mistake("train +sped=fast", "sped is not a key of the config. Did you mean speed?"),
    mistake("train +callbacks.mine.every=1", "callbacks.mine._target_ is missing"),
    mistake("train callbacks.samples.rows=0", "callbacks.samples.rows=0 is invalid"),
    mistake("train callbacks.samples.every=0", "callbacks.samples.every=0 is invalid"),
    mistake("train callbacks.interpolations.pairs=[4,9]", "callbacks.interpolations.pairs=[4,9]"),
    mistake("train trainer.precision=12", "trainer.precision=12", "32-true, bf16-mixed."),
    mistake("train +trainer.max_steps=2", "trainer.max_steps=2 is invalid"),
    mistake("train +trainer.limit_val_batches=0", "trainer.limit_val_batches=0 is invalid"),
    mistake("train +trainer.strategy=ddp_spawn", "trainer.strategy=ddp_spawn", "auto, ddp."),
    mistake("train trainer.devices=0", "trainer.devices=0", ">= 1"),
    mistake("train trainer=ddp trainer.devices=auto", "trainer.devices=auto is invalid"),
    mistake("train trainer=ddp trainer.devices=[1,1]", "trainer.devices=[1,1] is invalid"),
    mistake("train trainer=ddp trainer.num_nodes=0", "trainer.num_nodes=0 is invalid"),
    mistake(
        "train trainer=ddp trainer.devices=[0,1,2] data.batch_size=2", "data.batch_size=2", "multiple of 3"
    ),
    mistake("train scheduler=plateau scheduler.factor=2", "scheduler.factor=2"),
    mistake("train ~trainer.max_epochs", "trainer.max_epochs is missing"),
    mistake("train output_dir=", "output_dir= is invalid: expected a text"),
    mistake(
        "train +trainer.epochs=3",
        "trainer.epochs",
        "Did you mean min_epochs?",
    ),
    mistake("train output_dir=/proc/none", "A run folder cannot be created in output_dir=/proc/none"),
    mistake("sweep seed=0,1 hydra.sweep.subdir=mine", "hydra.sweep.subdir=mine is invalid"),
    mistake("resume model=ae", "model is vae, not ae"),
    mistake("evaluate runs=run", "run=<folder>"),
    mistake("evaluate parts=[]", "parts=[]"),
    mistake("evaluate export=tflite", "export=tflite is invalid: expected onnx, or null"),
    mistake("evaluate part=codes", "part", "Did you mean parts?"),
    mistake("evaluate hydra.run.dir=mine", "hydra.run.dir=mine is invalid"),
    mistake("evaluate +sed=1", "sed is not a key", "Did you mean seed?"),
    mistake("evaluate importance_samples=0", "importance_samples=0", ">= 1"),
    mistake("evaluate plane.axes=[1,1]", "plane.axes=[1,1]", "two different", "or null"),
    mistake("evaluate parts=[pictures] plane.images=[0,1,99]", "plane.images", "99"),
]

DATA_CASES = [
    case("no data", remove("data"), "train", "data/MNIST/raw", "data.root"),
    case("no data, evaluate", remove("data"), "evaluate", "data/MNIST/raw", "data.root"),
    case("missing file", remove(LABELS), "train", "data/MNIST/raw", "data.root"),
    case("a file as root", write("data/file", ""), "train data.root=data/file", "data/file is not a folder"),
    case("long path", lambda: None, f"train data.root={'x' * 300}", "xxx", "name too long"),
    case("a loop as root", link_at("data", "data"), "train data.fallback=true", "data is not a folder"),
    case("a loop as raw", link_at(RAW, "raw"), "train data.fallback=true", f"{RAW} is not a folder"),
    case("a loop", link_at(IMAGES, Path(IMAGES).name), "train data.fallback=true", IMAGES, "symbolic links"),
    case("broken link", link_at(LABELS, "none"), "train data.fallback=true", LABELS),
    case("folder instead of a file", folder_at(TEST_IMAGES), "train data.fallback=true", TEST_IMAGES),
    case("no permission", forbid(IMAGES), "train data.fallback=true", IMAGES, "ermission denied"),
    case("no permission for the folder", forbid(RAW), "train data.fallback=true", RAW, "ermission denied"),
    case("empty", write(IMAGES, b""), "train", IMAGES),
    case("html", write(LABELS, HTML), "train", LABELS, "not an IDX file"),
    case("truncated", cut(IMAGES, -1), "train data.fallback=true", IMAGES, "truncated"),
    case("truncated in the header", cut(TEST_LABELS, 6), "train", TEST_LABELS, "damaged header"),
    case(
        "trailing byte", change(LABELS, lambda data: data + b"\0"), "train", LABELS, "has more than its 200"
    ),
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
        "labels of the test set",
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
    case("header of 4 GB", zip_up(LABELS, b"\0\0\x08\1\xff\xff\xff\xff"), "train", LABELS, "damaged header"),
    case("damaged data, evaluate", cut(TEST_IMAGES, 0.5), "evaluate", TEST_IMAGES, "truncated"),
    case("damaged data, resume", cut(TEST_LABELS, 0.5), "resume trainer.max_epochs=3", TEST_LABELS),
]

CUTS = (0, 3, 64, 0.1, 0.5, 0.9, -5000, -100, -1)
PARTS = ("/data.pkl", "/byteorder", "/version", "/data/0", "/data/3", "/data/7")
EXTEND = "resume trainer.max_epochs=3"

ROBUSTNESS = pytest.mark.robustness
DAMAGE_CASES = [
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
    *(case(f"last cut at {at}", cut(LAST, at), EXTEND, LAST) for at in CUTS),
    *(case(f"best with a bit of {part} flipped", flip(BEST, part), "evaluate", BEST) for part in PARTS),
    *(case(f"last with a bit of {part} flipped", flip(LAST, part), EXTEND, LAST) for part in PARTS),
    *(case(f"best with a bit of byte {at} flipped", flip_at(BEST, at), "evaluate", BEST) for at in (0, -20)),
]
CHECKPOINT_CASES = [
    case("best damaged, resume", flip(BEST, "/data/0"), EXTEND, BEST, "checksum"),
    case("last damaged, finished run", cut(LAST, 0.5), "resume", LAST),
    case("outside its folder", copy(BEST, "run/best.ckpt"), "evaluate.py run=run/best.ckpt", "run/best.ckpt"),
    case("malformed zip as best", write(BEST, b"PK\3\4 nonsense"), "evaluate", BEST),
    case("no best", remove(BEST), "evaluate", BEST, "missing"),
    case("no last", remove(LAST), "evaluate checkpoint=last", LAST, "missing"),
    case("no last, resume", remove(LAST), EXTEND, LAST, "missing"),
    case("html as best", write(BEST, HTML), "evaluate", BEST),
    case("a folder as best", folder_at(BEST), "evaluate", BEST),
    case("a loop as best", link_at(BEST, "best.ckpt"), "evaluate", BEST),
    case("no permission", forbid(BEST), "evaluate", BEST, "ermission denied"),
    case("another model", copy("ae/checkpoints/best.ckpt", BEST), "evaluate", BEST, "model._target_ was"),
    case(
        "another model, resume",
        copy("ae/checkpoints/last.ckpt", LAST),
        EXTEND,
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
        "another latent dim, resume",
        copy("d3/checkpoints/last.ckpt", LAST),
        EXTEND,
        LAST,
        "latent.dim was 3",
    ),
    case("only numbers", lambda: torch.save([1, 2], BEST), "evaluate", BEST),
    case("only weights", lambda: torch.save({"state_dict": {}}, BEST), "evaluate", BEST, "no config"),
    case("no weights", repack(BEST, lambda c: c.update(state_dict=3)), "evaluate", BEST, "no weights"),
    case(
        "missing weight",
        repack(BEST, lambda c: c["state_dict"].popitem()),
        "evaluate",
        BEST,
        "lacks decoder",
    ),
    case("unknown weight", repack(BEST, lambda c: c["state_dict"].update(a=1)), "evaluate", BEST, "has a"),
    case(
        "no optimizer", repack(LAST, lambda c: c.pop("optimizer_states")), EXTEND, LAST, "no optimizer_states"
    ),
    case("empty config", repack(BEST, lambda c: c.update(config=[])), "evaluate", BEST, "no config"),
    case("code in best", repack(BEST, lambda c: c.update(x=Payload())), "evaluate", BEST, "not loaded"),
    case("code in last, resume", repack(LAST, lambda c: c.update(x=Payload())), EXTEND, LAST, "not loaded"),
    case(
        "of a newer version",
        reconfigure(lambda config: copy("d3/checkpoints/best.ckpt", BEST)(), "9.1.0"),
        *("evaluate", "run was created by jlml 9.1.0", BEST),
    ),
]

RUN_CASES = [
    mistake("evaluate.py run=nowhere", "nowhere is not a run folder"),
    mistake("evaluate.py run=rum", "rum is not a run folder", "Did you mean run?"),
    mistake("train.py resume=rum", "rum is not a run folder", "Did you mean run?"),
    mistake("evaluate.py run=run/checkpoints/bets.ckpt", "run/checkpoints/bets.ckpt", "Did you mean best"),
    mistake("evaluate.py runs=nowhere", "runs=nowhere"),
    mistake("evaluate.py runs=[one,two]", "runs=one,two: no such folder"),
    mistake("evaluate.py sweep=run", "sweep=run", "sweep.yaml"),
    case("another folder", lambda: None, "evaluate.py run=data", "data is not a run folder"),
    case("another folder, resume", lambda: None, "train.py resume=data", "data is not a run folder"),
    case("a file", lambda: None, f"evaluate.py run={CONFIG}", CONFIG),
    case("a loop", link_at("run", "run"), "evaluate", "run cannot be read", "symbolic links"),
    case("long path", lambda: None, f"evaluate.py run={'x' * 300}", "xxx", "name too long"),
    case("no permission", forbid("run"), "evaluate", "run", "ermission denied"),
    case("read-only folder", forbid("run", 0o555), "evaluate", "run/evaluation", "ermission denied"),
    case(
        "a file instead of the evaluation folder", write("run/evaluation", ""), "evaluate", "run/evaluation"
    ),
    case("no config", remove(CONFIG), "evaluate", "run is not a run folder", "config.yaml"),
    case("no config, resume", remove(CONFIG), "resume", "run is not a run folder", "config.yaml"),
    case("no checkpoints", remove("run/checkpoints"), "evaluate", BEST, "missing"),
    case("no checkpoints, resume", remove("run/checkpoints"), "resume", LAST, "missing"),
    case("config empty", write(CONFIG, ""), "evaluate", CONFIG),
    case("config binary", write(CONFIG, bytes(range(256))), "evaluate", CONFIG),
    case("config is html", write(CONFIG, HTML), "evaluate", CONFIG),
    case("config truncated", cut(CONFIG, 0.5), "evaluate", CONFIG),
    case("config is not yaml", write(CONFIG, "a: [1"), "evaluate", CONFIG),
    case("config is a list", write(CONFIG, "- 1\n- 2\n"), "resume", CONFIG),
    case("config is a string", write(CONFIG, "vae\n"), "evaluate", CONFIG),
    case("config is too large", write(CONFIG, "a: 1\n" * 400_000), "evaluate", CONFIG, "has more than"),
    case("config with nested aliases", write(CONFIG, BILLION_LAUGHS), "evaluate", CONFIG, "alias"),
    case("config is nested too deep", write(CONFIG, "[" * 50_000), "evaluate", CONFIG),
    case("config unreadable", forbid(CONFIG), "evaluate", CONFIG, "ermission denied"),
    case(
        "config without image shape",
        write(CONFIG, "seed: 0\nmodel: {_target_: x}\n"),
        "evaluate",
        CONFIG,
        "image_shape",
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
        "config with a number instead of a group",
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
        EXTEND,
        LAST,
        "latent.dim was 2 and is 5",
    ),
    case(
        "config of another class",
        reconfigure(lambda c: c["loss"].update(_target_="os.abort")),
        EXTEND,
        "trust=true",
    ),
    case(
        "config with an interpolation",
        write(CONFIG, "a: ${oc.env:HOME}"),
        "evaluate",
        CONFIG,
        "interpolation",
    ),
    case(
        "of a newer version",
        reconfigure(lambda c: c.update(curvature=1), "9.1.0"),
        "evaluate",
        "jlml 9.1.0",
        "curvature",
    ),
    case("of a newer version, resume", reconfigure(lambda c: c.update(a=1), "0.3"), EXTEND, "jlml 0.3"),
    case(
        "option of a newer version",
        reconfigure(lambda c: c["model"].update(a=1), "2.0"),
        "evaluate",
        "model.a",
        "jlml 2.0",
    ),
]

CASES = {
    "config": MISTAKES,
    "key": MORE_MISTAKES,
    "data": DATA_CASES,
    "damage": DAMAGE_CASES,
    "checkpoint": CHECKPOINT_CASES,
    "run": RUN_CASES,
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with intact data and runs. In this module its small MNIST counts as the published one."""
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
            path = jlml.train(*common, *changes, parent=folder / "new", progress=[]).run.path
            shutil.move(path, folder / name)
        (folder / "new").rmdir()
        yield folder


def exit_of(command: str, patch: pytest.MonkeyPatch) -> object:
    """Runs a command in this process as Python does. Returns what it exits with, for an error its message."""
    script, *arguments = shlex.split(command)
    patch.setattr(sys, "argv", [str(ROOT / script), *arguments])
    for name in ("HYDRA_FULL_ERROR", "JLML_COMMAND"):
        patch.setenv(name, "1")  # the command sets these; the patch removes them afterwards
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(sys.argv[0], run_name="__main__")
    gc.enable()  # restores what the command changes
    gc.unfreeze()
    return ended.value.code


@pytest.mark.parametrize(
    ("name", "damage", "command", "expected"),
    [
        pytest.param(
            *case, id=f"{kind}: {case.name[:60]}", marks=ROBUSTNESS if kind in ("key", "damage") else ()
        )
        for kind, cases in CASES.items()
        for case in cases
    ],
)
def test_bad_input_gives_one_sentence_and_changes_no_file(
    name, damage, command, expected, good, tmp_path, monkeypatch, capfd
):
    from torchvision.datasets import MNIST

    def offline(self):
        raise RuntimeError("no internet")

    monkeypatch.setattr(MNIST, "download", offline)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    damage()
    kind, _, rest = command.partition(" ")
    before = folder_contents(tmp_path)
    with without_privileges():
        message = exit_of(f"{COMMANDS[kind]} {rest}", monkeypatch)
    assert folder_contents(tmp_path) == before
    assert isinstance(message, str)  # Python prints it and exits with 1
    assert message.startswith("Error: ")
    assert len(message.splitlines()) == 1
    assert len(message) < MAX_LENGTH
    for text in expected:
        assert text in message
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert all("usage:" not in line for line in shown.err.splitlines())


def test_the_table_is_long_and_has_no_duplicates():
    ids = [(kind, case.name, case.command) for kind, cases in CASES.items() for case in cases]
    assert len(ids) == len(set(ids)) >= 60


def test_the_commands_succeed_in_the_undamaged_folder(good, tmp_path, monkeypatch):
    """Otherwise the cases could fail for another reason than their damage."""
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for command in (EXTEND, "evaluate", "train trainer.max_epochs=1 callbacks=none model.hidden=[8]"):
        kind, _, rest = command.partition(" ")
        with pytest.raises(BaseException, match="DID NOT RAISE"), without_privileges():
            exit_of(f"{COMMANDS[kind]} {rest}", monkeypatch)
    assert read_json(tmp_path / METRICS)["epochs"] == 3
    assert (tmp_path / "run/evaluation/report.html").is_file()
