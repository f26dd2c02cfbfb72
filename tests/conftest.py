"""Shared fixtures and helpers. Array shapes are checked at run time in tests only: the checks are slow."""

import ctypes
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

hook = install_import_hook("jlml", "typechecker.checked")
hook.__enter__()  # for the whole session; it must run before any test module imports jlml

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # parallel workers that each use every core are many times slower

settings.register_profile("jlml", deadline=None)  # on a busy machine a correct test can be slow
settings.load_profile("jlml")

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"  # next to the project; may contain full MNIST

# a small and quick run that still uses every feature
QUICK = (
    "data=mnist_5k",
    "data.subset=300",
    "data.batch_size=64",
    "trainer.max_epochs=2",
    "draw_every=1",
    "callbacks.manifold.side=5",
)

# every part of an evaluation, with few draws
SMALL = ("importance_samples=3", "tsne_images=100", "samples=200")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs Python with these arguments in a new process, as a user does."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def each_once(*axes: Iterable[Any]) -> list[Any]:
    """Every combination of the axes, for parametrize. Most combinations are marked as robustness tests.

    The default group takes only combinations in which at most one axis differs from its first value. For
    readers and payloads, each reader gets the first payload, and the first reader gets each payload.
    """
    numbered = [list(enumerate(axis)) for axis in axes]
    return [
        pytest.param(
            *(value for _, value in combination),
            marks=pytest.mark.robustness if sum(index > 0 for index, _ in combination) > 1 else (),
        )
        for combination in itertools.product(*numbered)
    ]


@contextmanager
def without_privileges() -> Iterator[None]:
    """Makes file permissions apply to root too, by dropping the capabilities that bypass them."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    before = sets[0]
    sets[0] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(header, sets) == 0


@pytest.fixture(scope="session", autouse=True)
def files_in_order() -> Iterator[None]:
    """Makes TensorBoard read event files in order.

    It sorts them by name: second, process, number. Within one second, number 10 would come before 9.
    """
    from tensorboard.summary.writer import event_file_writer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(1000))
        yield


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root that all workers share, so that the 5,000 images are parsed only once."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    return shared / "data"


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The root of full MNIST. Skips the test if there is none."""
    for root in (Path(os.environ.get("JLML_DATA", "data")), SHARED_DATA):
        if (root / "MNIST" / "raw").is_dir():
            return root.resolve()
    pytest.skip("full MNIST was not found: set JLML_DATA")


@pytest.fixture(autouse=True)
def _data_root_of_every_test(monkeypatch: pytest.MonkeyPatch, data_root: Path) -> None:
    monkeypatch.setenv("JLML_DATA", str(data_root))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> dict[str, Any]:
    """One run of each model, with 1, 2 or 3 latent dimensions, some with snapshots."""
    from jlml import train

    parent = tmp_path_factory.mktemp("runs")
    overrides = {
        "ae": ("model=ae", "loss=mse", "latent.dim=2", "callbacks=snapshots"),
        "vae": ("model=vae", "loss=cont_bern", "latent.dim=3", "callbacks=snapshots"),
        "conv_ae": ("model=conv_ae", "loss=bce", "latent.dim=1", "callbacks=none", "data.image_size=32"),
        "conv_vae": ("model=conv_vae", "loss=bce", "data.pixels=binarized", "callbacks=none"),
    }
    common = [override for override in QUICK if not override.startswith("callbacks")]
    common.append(f"data.root={data_root}")
    return {name: train(*common, *changes, parent=parent).run for name, changes in overrides.items()}


@pytest.fixture(scope="session")
def evaluated(runs):
    """A function that evaluates one of these runs, or the run in a folder, with the given overrides."""
    from jlml import compose
    from jlml.evaluation.entry import evaluate

    def evaluate_one(name: str, *overrides: str):
        path = runs[name].path if name in runs else name
        return evaluate(compose(f"run={path}", *SMALL, *overrides, config_name="evaluate"))

    return evaluate_one


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Any:
    """A small run. Tests copy it and damage the copy."""
    from jlml import train

    changes = (f"data.root={data_root}", "callbacks=snapshots", "loss=bce")
    model = ("model=ae", "model.hidden=[16]", "model.norm=none")
    common = (override for override in QUICK if not override.startswith("callbacks"))
    return train(*common, *model, *changes, parent=tmp_path_factory.mktemp("runs")).run


@pytest.fixture
def folder(trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this run. Loading must be safe even if the environment tells torch to allow pickles."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    return Path(shutil.copytree(trained.path, tmp_path / "sweep" / "run"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright. Skips the test if one of them is missing."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs the extra [browser]: make browser")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium was not found: apt-get install chromium")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """A function that opens a page. It fails the test if a page reports an error or requests anything."""
    contexts, problems = [], []

    def open_page(
        file: Path,
        fragment: str = "",
        size: tuple[int, int] = (1366, 680),
        ready: str = "body.ready",
        **options: Any,
    ) -> Any:
        viewport = dict(zip(("width", "height"), size, strict=True))
        contexts.append(chromium.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.on("request", lambda request: problems.append(request.url) if request.url != address else None)
        address = file.as_uri()
        page.goto(address + fragment)
        page.wait_for_selector(ready)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The file that an exploit creates if it succeeds."""
    return tmp_path / "canary"
