"""The comparison of several runs: which are found, what is written, and how broken runs are handled."""

import csv
import json
import shutil

import pytest
import torch

import jlml
from conftest import QUICK, SMALL
from jlml.cli.evaluated import show
from jlml.config.schema import Evaluate
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.evaluation.several import missing_parts
from jlml.runs import Run

FEW = ("parts=[reconstruction,likelihood]", *SMALL)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, data_root):
    """Four runs in three groups, and one run that was cut off before its first checkpoint."""
    parent = tmp_path_factory.mktemp("sweep")
    for overrides in (
        ("model=vae", "loss=bce", "seed=0"),
        ("model=vae", "loss=bce", "seed=1"),
        ("model=vae", "loss=cont_bern", "seed=0"),
        ("model=ae", "loss=bce", "seed=0", "name=plain", "tags=[one,two]"),
    ):
        common = [*QUICK[:-1], f"data.root={data_root}", "callbacks=none", "logger=none"]
        jlml.train(*common, *overrides, parent=parent / "below")
    first = next((parent / "below").iterdir())
    cut_off = parent / "cut off"
    (cut_off / "checkpoints").mkdir(parents=True)
    shutil.copy(first / "config.yaml", cut_off)
    return parent


def compare(runs, *overrides):
    config = jlml.compose(*FEW, *overrides, config_name="evaluate")
    config.runs = runs
    return evaluate(config)


def test_the_runs_in_a_folder_are_compared_and_their_results_are_reused(sweep, capsys, caplog):
    comparison = compare(str(sweep))
    assert {group.label: len(group.runs) for group in comparison.groups} == {
        "vae bce d2": 2,
        "vae cont_bern d2": 1,
        "plain": 1,
    }
    assert comparison.folder == sweep / "below" / "comparison"
    assert "cut off is left out: it has no best checkpoint" in caplog.text
    with (comparison.folder / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {row["group"]: row["tags"] for row in rows}["plain"] == "one two"
    for row in rows:
        content = json.loads((sweep / "below" / row["run"] / "evaluation/metrics.json").read_text())
        found = content["parts"]["reconstruction"]["metrics"]["mse"]["value"]
        assert float(row["reconstruction/mse"]) == found
        assert (row["likelihood/elbo"] == "") == (row["model"] == "ae")
    page = (comparison.folder / "comparison.html").read_text()
    assert "Nats of different densities cannot be compared" in page
    assert "<h3>Bernoulli pixels (a cross-entropy, not a likelihood" in page
    assert "<h3>continuous Bernoulli pixels, limit 0.0001" in page
    # 3 metrics, rate and distortion, reconstructions, 3 interpolations, 2 kinds of samples, medians, codes,
    # 3 decoded planes, distributions, spread and radius
    assert page.count('src="data:image/png') == 17
    assert ">Distributions</h2>" in page
    assert 'class="num bold"' not in page  # with one seed in a group, the noise is unknown
    assert "Bold" not in page
    assert "3 experiments that differ in model, loss, 1 to 2 seeds, 5,000 images of MNIST" in page
    assert "One seed each: nothing can be decided." in page
    assert "nothing can be decided" in (comparison.folder / "summary.md").read_text()
    show(comparison)
    printed = capsys.readouterr().out
    assert "vae cont_bern d2" in printed
    assert printed.index("nothing can be decided") < printed.index("Summary")
    assert "Bold" not in printed

    runs = sorted((sweep / "below").glob("vae-bce*"))
    assert len(runs) == 2
    for run in runs:
        assert missing_parts(Run(run), ["reconstruction", "codes"], Evaluate()) == ["codes"]
        assert missing_parts(Run(run), ["reconstruction"], Evaluate(reuse=False)) == ["reconstruction"]


def test_broken_runs_are_reported_and_the_others_are_compared(sweep, tmp_path):
    """One checkpoint is not a checkpoint, and the weights of another are nan."""
    copy = shutil.copytree(sweep / "below", tmp_path / "runs", ignore=shutil.ignore_patterns("evaluation"))
    (next(copy.glob("vae-cb*")) / "checkpoints/best.ckpt").write_bytes(b"junk")
    not_numbers = next(copy.glob("plain_ae-bce*")) / "checkpoints/best.ckpt"
    checkpoint = torch.load(not_numbers, weights_only=True)
    for weight in checkpoint["state_dict"].values():
        if weight.is_floating_point():  # batch norm counts its batches
            weight.fill_(float("nan"))
    torch.save(checkpoint, not_numbers)
    comparison = compare(str(copy), "parts=[reconstruction]")
    assert {group.label for group in comparison.groups} == {"plain", "vae bce d2"}
    damaged, *pictures = comparison.failed
    assert "is not a checkpoint, or is damaged" in damaged
    assert any("pictures of plain" in sentence for sentence in pictures)
    assert (comparison.folder / "comparison.html").exists()
    with pytest.raises(UserError, match="Failed: .*vae-cb"):
        show(comparison)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ("nowhere", "runs=nowhere: no such folder"),
        ("nowhere/*", "finds no run"),
        (["one", "two"], "runs=one,two: no such folder"),
    ],
)
def test_runs_that_do_not_exist_are_an_error(runs, message):
    with pytest.raises(UserError, match=message):
        compare(runs)


def test_a_single_run_cannot_be_compared(sweep):
    with pytest.raises(UserError, match="finds only .*use run="):
        compare([str(next((sweep / "below").glob("plain_ae-*")))])


def test_a_copy_is_left_out_and_no_picture_shows_training_images_of_a_run(sweep, tmp_path, caplog):
    """The split of mnist_5k depends on the seed, so runs with different seeds have different test images."""
    shutil.copytree(next((sweep / "below").glob("plain_ae-bce*")), tmp_path / "copy")
    given = [f"{sweep}/*/plain_ae-bce*", f"{sweep}/*/vae-bce*-s1_*", str(tmp_path / "copy")]
    comparison = compare(given, f"output_dir={tmp_path}", "parts=[objective]")
    assert [len(group.runs) for group in comparison.groups] == [1, 1]
    assert "it is a copy of" in caplog.text
    page = (tmp_path / "comparison.html").read_text()
    assert "Left out, because their test images differ: " in page
