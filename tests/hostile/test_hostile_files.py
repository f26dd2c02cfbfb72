"""Other untrusted files of runs, sweeps, searches and data sets: with code, malformed, or too large."""

import gzip
import io
import pickle
import shutil

import numpy as np
import pytest
import yaml
from exploits import NOT_REGULAR, Touch, assert_exploit_works, contents, evaluated
from rich.console import Console

import jlml
from jlml.config.schema import Evaluate
from jlml.data.mnist import load_mnist_5k
from jlml.errors import UserError
from jlml.evaluation.history import kept_codes
from jlml.evaluation.record import earlier_parts
from jlml.files import LARGEST, read_json, write_atomically
from jlml.runs import Run
from jlml.runs.config_file import read_config
from jlml.search.settings import Settings
from jlml.search.trials import Trials
from jlml.sweeps.folder import Sweep, results_csv
from jlml.sweeps.ranking import ranking

MALFORMED_JSON = {
    "deep": "[" * 100_000,
    "deeper": '{"metrics":' * 100_000,
    "list": "[]",
    "null": "null",
    "nan": '{"status": "finished", "metrics": {"val/mse": NaN, "val/bce": Infinity, "test/mse": -1e999}}',
    "huge": '{"status": "finished", "metrics": {"val/mse": 1' + "0" * 4000 + '}, "fit_seconds": 1e999}',
    "longer": '{"a": ' + "1" * 10_000 + "}",
    "texts": '{"status": ["finished"], "metrics": {"val/mse": "small", "test/mse": [1]}, "fit_seconds": ""}',
    "no numbers": '{"status": "finished", "metrics": {"val/mse": null, "": {}}, "error": {"a": [1]}}',
    "metrics is a string": '{"status": "finished", "metrics": "good", "epochs": {}, "images_per_second": []}',
    "lone surrogates": '{"status": "\\ud800", "error": "\\udfff", "data": "\\ud800"}',
    "zeros": "\0" * 1000,
}


BAD_FILES = {
    **{name: (lambda path, text=text: path.write_text(text)) for name, text in MALFORMED_JSON.items()},
    **NOT_REGULAR,
}


@pytest.mark.parametrize("bad_file", BAD_FILES)
def test_malformed_metrics_do_not_break_any_reader(folder, bad_file):
    for file in ("metrics.json", "progress.json"):
        (folder / file).unlink()
        BAD_FILES[bad_file](folder / file)
    assert isinstance(Run.open(folder).metrics(), dict)
    plan = {"over": ["seed"], "fixed": [], "jobs": {"run": {"seed": "0"}}}
    (folder.parent / "sweep.yaml").write_text(yaml.safe_dump(plan))
    results = Sweep(folder.parent).results()
    write_atomically(folder.parent / "results.csv", results_csv(results))
    Console(file=io.StringIO()).print(ranking(results, "val/mse"))
    with pytest.raises(UserError, match="finds"):  # fewer than two runs
        evaluated(f"runs={folder.parent}")


@pytest.mark.parametrize("bad_file", BAD_FILES)
def test_a_malformed_earlier_evaluation_is_ignored(folder, bad_file):
    (folder / "evaluation").mkdir()
    BAD_FILES[bad_file](folder / "evaluation" / "metrics.json")
    assert earlier_parts(Run.open(folder), "best", Evaluate()) == {}


def save_objects(path, canary):
    np.save(path, np.array([Touch(canary)], dtype=object), allow_pickle=True)


def header(text, data=b""):
    content = text.encode()
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + data


CODES = {
    "too many": header("{'descr': '<f2', 'fortran_order': False, 'shape': (1000000000000, 2)}\n"),
    "overflow": header("{'descr': '<f2', 'fortran_order': False, 'shape': (4611686018427387904, 4)}\n"),
    "negative": header("{'descr': '<f2', 'fortran_order': False, 'shape': (-1, 2)}\n"),
    "no bytes per value": header("{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000, 2)}\n"),
    "nested": header("{'descr': " + "[" * 9000 + "}\n"),
    "code": header("__import__('os').system('false')\n"),
    "records": header("{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (1,)}\n", b"\0\0"),
    "text": header("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}\n", b"\0\0\0\0"),
    "scalar": header("{'descr': '<f2', 'fortran_order': False, 'shape': ()}\n", b"\0\0"),
    "zip": b"PK\3\4",
    "empty": b"",
}


def test_snapshots_run_no_code(folder, canary):
    file = folder / "snapshots" / "step_00000005.npy"
    save_objects(file, canary)
    assert_exploit_works(lambda: np.load(file, allow_pickle=True), canary)
    with pytest.raises(UserError, match="is not a snapshot"):
        kept_codes(folder / "snapshots", 2, 10)
    shutil.copy(file, folder / "snapshots" / "labels.npy")
    with pytest.raises(UserError, match="is not a snapshot"):
        kept_codes(folder / "snapshots", 2, 10)
    assert not canary.exists()


@pytest.mark.parametrize("bad_content", [*CODES, *NOT_REGULAR])
@pytest.mark.parametrize("name", ["step_00000005.npy", "labels.npy"])
def test_malformed_snapshots_are_reported_in_one_sentence(folder, bad_content, name):
    file = folder / "snapshots" / name
    assert file.exists()
    file.unlink()
    if bad_content in CODES:
        file.write_bytes(CODES[bad_content])
    else:
        NOT_REGULAR[bad_content](file)
    with pytest.raises(UserError) as raised:
        kept_codes(folder / "snapshots", 2, 10)
    assert "\n" not in str(raised.value)


def test_labels_outside_the_classes_are_reported(folder):
    np.save(folder / "snapshots" / "labels.npy", np.full(300, 10, dtype=np.uint8))
    with pytest.raises(UserError, match="does not contain the classes"):
        kept_codes(folder / "snapshots", 2, 10)


@pytest.mark.robustness
def test_the_cache_of_5000_images_runs_no_code_and_fills_no_memory(tmp_path, canary):
    file = tmp_path / "mnist_5k.npz"
    objects = np.array([Touch(canary)], dtype=object)
    np.savez(file, images=objects, labels=objects)
    assert_exploit_works(lambda: np.load(file, allow_pickle=True)["images"], canary)
    assert len(load_mnist_5k(tmp_path).images) == 5000
    assert not canary.exists()
    np.savez_compressed(file, images=np.zeros((50_000, 28, 28, 1), dtype=np.uint8), labels=np.zeros(1))
    assert len(load_mnist_5k(tmp_path).images) == 5000


@pytest.mark.parametrize(
    "journal",
    [
        None,
        b'{"op_code": 99}\n',
        b'{"op_code": 0}\n',
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_the_journal_of_a_search_runs_no_code_and_errors_are_one_sentence(tmp_path, canary, journal):
    overrides = ("search=ae", "model=ae", "data=mnist_5k", f"output_dir={tmp_path}", "search.name=there")
    settings = Settings.of(jlml.compose(*overrides))
    folder = tmp_path / "searches" / "there"
    folder.mkdir(parents=True)
    if journal is None:
        journal = pickle.dumps(Touch(canary)) + b"\n"
        assert_exploit_works(lambda: pickle.loads(journal), canary)
    (folder / "journal.log").write_bytes(journal)
    with pytest.raises(UserError) as raised:
        Trials(settings)
    assert "\n" not in str(raised.value)
    assert not canary.exists()


@pytest.mark.parametrize("link", ["journal.log", ".locks", "search.yaml", "results.csv", "trial-0000"])
def test_a_search_refuses_links_that_lead_out_of_its_folder(tmp_path, link):
    overrides = ("search=ae", "model=ae", "data=mnist_5k", f"output_dir={tmp_path}", "search.name=there")
    folder, victim = tmp_path / "searches" / "there", tmp_path / "precious"
    folder.mkdir(parents=True)
    victim.mkdir() if link in (".locks", "trial-0000") else victim.write_text("not a line")
    (folder / link).symlink_to(victim)
    with pytest.raises(UserError, match="a link that leads out"):
        Trials(Settings.of(jlml.compose(*overrides)))
    assert contents(victim) in ({}, b"not a line")


PLANS = (
    "jobs: !!python/object/apply:os.system ['TOUCH']",
    "{over: [seed], fixed: [], jobs: {'../../there': {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {/tmp: {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {..: {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {run: {loss: '0'}}}",
    "{over: seed, fixed: [], jobs: {run: {seed: '0'}}}",
    "{over: [1], fixed: {}, jobs: {run: {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {run: {seed: &a [1]}, other: {seed: *a}}}",
    "{over: [seed], fixed: [], jobs: {1: {seed: '0'}}}",
    "[" * 10_000,
)


@pytest.mark.parametrize("plan", PLANS)
def test_a_malformed_plan_of_a_sweep_is_refused(tmp_path, canary, plan):
    plan = plan.replace("TOUCH", f"touch {canary}")
    if "python" in plan:
        assert_exploit_works(lambda: yaml.unsafe_load(plan), canary)
    (tmp_path / "sweep.yaml").write_text(plan)
    with pytest.raises(UserError, match="is not the folder of a sweep"):
        Sweep(tmp_path).jobs()
    assert not canary.exists()


def test_a_gzipped_or_too_large_config_is_refused(folder):
    (folder / "config.yaml").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(UserError, match="cannot be read"):
        read_config(folder / "config.yaml")
    assert read_json(folder / "config.yaml") == {}
    assert LARGEST < 10_000_000
