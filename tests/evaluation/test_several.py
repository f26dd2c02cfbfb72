"""Several runs: what belongs together, what is better than noise, and what does not compare."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from scipy.stats import ttest_ind

import jlml
from conftest import QUICK, SMALL
from jlml.errors import UserError
from jlml.comparison.tables import comparison_table, tables_by_theme, tables_in_short
from jlml.evaluation.entry import evaluate
from jlml.comparison.groups import Group, labels_of
from jlml.comparison.quantities import QUANTITIES
from jlml.evaluation.record import Evaluation
from jlml.comparison.spread import Spread, best_of
from jlml.evaluation.terminal import show
from jlml.runs import Run

FEW = ("parts=[reconstruction,likelihood,codes]", *SMALL)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, data_root):
    """Two models under two losses, one of them with two seeds; one run was cut off before a checkpoint."""
    parent = tmp_path_factory.mktemp("sweep")
    for words in (
        ("model=vae", "loss=bce", "seed=0"),
        ("model=vae", "loss=bce", "seed=1"),
        ("model=vae", "loss=cont_bern", "seed=0"),
        ("model=ae", "loss=bce", "seed=0"),
    ):
        common = [*QUICK[:-1], f"data.root={data_root}", "callbacks=none", "logger=none"]
        jlml.train(jlml.compose(*common, *words), parent / "below")
    first = next((parent / "below").iterdir())
    cut_off = parent / "cut off"
    (cut_off / "checkpoints").mkdir(parents=True)
    shutil.copy(first / "config.yaml", cut_off)
    return parent


def compare(runs, *words):
    config = jlml.compose(*FEW, *words, config_name="evaluate")
    config.runs = runs
    return evaluate(config)


def test_a_folder_of_runs_is_compared(sweep, capsys, caplog):
    comparison = compare(str(sweep))
    assert {group.label: len(group.evaluations) for group in comparison.groups} == {
        "vae bce d2": 2,
        "vae cont_bern d2": 1,
        "ae bce d2": 1,
    }
    assert comparison.folder == sweep / "below" / "comparison"
    assert "cut off is left out: it has no best checkpoint" in caplog.text
    with (comparison.folder / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        content = json.loads((sweep / "below" / row["run"] / "evaluation/metrics.json").read_text())
        found = content["parts"]["reconstruction"]["metrics"]["mse"]["value"]
        assert float(row["reconstruction/mse"]) == found
        assert (row["likelihood/elbo"] == "") == (row["model"] == "ae")
    with (comparison.folder / "groups.csv").open() as file:
        (of_vae,) = [
            row
            for row in csv.DictReader(file)
            if (row["group"], row["metric"]) == ("vae bce d2", "reconstruction/mse")
        ]
    values = torch.tensor(
        [float(row["reconstruction/mse"]) for row in rows if row["group"] == "vae bce d2"]
    ).double()
    assert float(of_vae["mean"]) == pytest.approx(values.mean().item())
    assert float(of_vae["standard_deviation"]) == pytest.approx(values.std().item())
    page = (comparison.folder / "comparison.html").read_text()
    assert "2 observation models" in page
    assert "Likelihood: Bernoulli pixels (a cross-entropy, no likelihood" in page
    assert "Likelihood: continuous Bernoulli pixels, limit 0.0001" in page
    assert page.count('src="data:image/png') == 6
    assert 'class="num bold"' not in page  # a group of one seed leaves the noise unknown
    show(comparison)
    assert "vae cont_bern d2" in capsys.readouterr().out


def test_what_is_evaluated_is_not_evaluated_again(sweep):
    runs = [str(path) for path in sorted((sweep / "below").glob("*vae_bce*"))]
    compare(runs)
    files = [Path(run) / "evaluation/metrics.json" for run in runs]
    times = [file.stat().st_mtime_ns for file in files]
    compare(runs, f"output_dir={sweep / 'elsewhere'}")
    assert [file.stat().st_mtime_ns for file in files] == times
    assert (sweep / "elsewhere/comparison.html").exists()
    compare(runs, "reuse=false")
    assert all(file.stat().st_mtime_ns > time for file, time in zip(files, times, strict=True))


def test_a_glob_finds_runs(sweep):
    (group,) = compare(f"{sweep}/*/*vae_bce*").groups
    assert [evaluation.content["run_seed"] for evaluation in group.evaluations] == [0, 1]


def test_a_broken_run_is_named_and_the_rest_compared(sweep, tmp_path):
    copy = shutil.copytree(sweep / "below", tmp_path / "runs")
    broken = next(copy.glob("*_ae_bce*"))
    (broken / "checkpoints/best.ckpt").write_bytes(b"junk")
    comparison = compare(str(copy))
    assert len(comparison.groups) == 2
    assert len(comparison.failed) == 1
    assert "is not a checkpoint, or is damaged" in comparison.failed[0]
    with pytest.raises(UserError, match="Failed: .*ae_bce"):
        show(comparison)


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ("nowhere", "runs=nowhere is not a folder"),
        ("nowhere/*", "finds no run"),
        (["one", "two"], "runs=one is not a folder"),
    ],
)
def test_runs_that_are_not_there(runs, says):
    with pytest.raises(UserError, match=says):
        compare(runs)


def test_a_single_run_is_no_comparison(sweep):
    with pytest.raises(UserError, match="finds only .*with run="):
        compare([str(next((sweep / "below").glob("*_ae_*")))])


def test_labels_tell_apart_what_model_loss_and_dim_do_not():
    configs = [
        jlml.config.plain(jlml.compose(*words))
        for words in (
            ["model=vae", "seed=1"],
            ["model=vae", "model.beta=4"],
            ["model=vae", "optimizer.lr=0.1", "model.beta=4"],
            ["model=ae"],
        )
    ]
    assert labels_of(configs) == [
        "vae cont_bern d2 model.beta=1.0 optimizer.lr=0.001",
        "vae cont_bern d2 model.beta=4 optimizer.lr=0.001",
        "vae cont_bern d2 model.beta=4 optimizer.lr=0.1",
        "ae cont_bern d2",
    ]


@pytest.mark.parametrize(
    ("groups", "best"),
    [
        ([[1.0, 1.1, 0.9], [2.0, 2.1, 1.9], [3.0, 3.1, 2.9]], 0),
        ([[2.0, 2.1, 1.9], [1.0, 1.1, 0.9]], 1),
        ([[1.0, 1.4, 0.6], [1.2, 1.6, 0.8]], None),  # within the noise
        ([[1.0, 1.1, 0.9], [1.05, 1.0, 1.1], [3.0, 3.1, 2.9]], None),  # better than one of two
        ([[1.0], [2.0]], None),  # nobody knows the noise
        ([[1.0, 1.1], [2.0]], None),
        ([[1.0, 1.0], [2.0, 2.0]], 0),  # there is none
        ([[1.0, 1.0], [1.0, 1.0]], None),
        ([[1.0, 1.1, 0.9]], None),
    ],
)
def test_bold_is_what_exceeds_the_noise(groups, best):
    spreads = [Spread(values) for values in groups]
    assert best_of(spreads, QUANTITIES["mse"]) == best
    assert best_of(spreads, QUANTITIES["rate"]) is None  # neither way is better
    if best is not None and len(groups[0]) > 2:
        others = [values for place, values in enumerate(groups) if place != best]
        assert all(ttest_ind(groups[best], values, equal_var=False).pvalue < 0.05 for values in others)


def group_of(label, mse, elbo, density, images="mnist", training=1000):
    def content(seed, value, bound):
        return {
            "run_seed": seed,
            "latent_dim": 2,
            "observation_model": density,
            "data": {
                **{"test_images": 10, "training_images": training, "pixels": "grey", "name": images},
                **{"image_shape": [1, 28, 28], "fit": None},
            },
            "parts": {
                "reconstruction": {"metrics": {"mse": {"value": value}}},
                "likelihood": {"metrics": {"elbo": {"value": bound}}},
                "baselines": {"metrics": {"pca/mse": {"value": 500 / training}}},
            },
        }

    pairs = enumerate(zip(mse, elbo, strict=True))
    return Group(
        label,
        [
            Evaluation(Run(Path(f"{label}{seed}")), Path("x"), content(seed, *values))
            for seed, values in pairs
        ],
    )


def test_likelihoods_of_different_densities_and_errors_of_different_images_stand_apart():
    groups = [
        group_of("a", [0.1, 0.101], [5.0, 5.01], "Gaussian"),
        group_of("b", [0.2, 0.201], [3.0, 3.01], "Gaussian"),
        group_of("c", [0.05, 0.0501], [900.0, 901.0], "continuous"),
    ]
    tables = {table.title: table for table in tables_by_theme(groups)}
    assert list(tables) == [
        "Reconstruction",
        "Likelihood: Gaussian, 10 test images",
        "Likelihood: continuous, 10 test images",
    ]
    bold = {title: [row[0].text for row in t.rows if row[2].bold] for title, t in tables.items()}
    assert list(bold.values()) == [["c"], ["a"], []]
    assert [cell.text for cell in tables["Reconstruction"].rows[-1]] == ["PCA d2", "", "0.50000 ± 0.00000"]
    other = group_of("d", [0.01, 0.011], [1.0, 1.1], "Gaussian of fashion", "fashion_mnist")
    titles = [table.title for table in tables_by_theme([*groups, other]) if "Reconstruction" in table.title]
    assert titles == [
        "Reconstruction: 10 test images, grey mnist, 28 x 28",
        "Reconstruction: 10 test images, grey fashion_mnist, 28 x 28",
    ]
    in_short = tables_in_short([*groups, other])
    assert [len(table.rows) for table in in_short] == [3, 1]  # nothing is best across both


def test_a_table_has_mean_and_spread_of_each_group():
    table = comparison_table("t", [group_of("a", [0.1, 0.2], [0.0, 0.0], "")], ["reconstruction/mse"])
    assert [cell.text for cell in table.rows[0]] == ["a", "2", "0.15000 ± 0.07071"]


def test_a_run_without_its_number_is_counted_and_takes_the_bold_away():
    groups = [
        group_of("a", [0.1, 0.101, None], [0.0, 0.0, 0.0], ""),
        group_of("b", [0.2, 0.201], [0.0, 0.0], ""),
    ]
    table = comparison_table("t", groups, ["reconstruction/mse"])
    assert table.rows[0][2].text == "0.10050 ± 0.00071 (2 of 3)"
    assert not table.rows[0][2].bold


def test_references_of_different_training_sets_stand_apart():
    groups = [
        group_of("few", [0.1, 0.2], [0.0, 0.0], "", training=1000),
        group_of("many", [0.1, 0.2], [0.0, 0.0], "", training=5000),
    ]
    (table,) = [table for table in tables_by_theme(groups) if table.title == "Reconstruction"]
    assert {row[0].text: row[2].text for row in table.rows[2:]} == {
        "PCA d2, 1,000 training images": "0.50000 ± 0.00000",
        "PCA d2, 5,000 training images": "0.10000 ± 0.00000",
    }


def test_a_copy_of_a_run_is_no_second_seed(sweep, tmp_path, caplog):
    run = next((sweep / "below").glob("*vae_bce*seed-0"))
    copy = shutil.copytree(run, tmp_path / "copy")
    other = next((sweep / "below").glob("*vae_bce*seed-1"))
    (group,) = compare([str(run), str(copy), str(other)], f"output_dir={tmp_path}").groups
    assert len(group.evaluations) == 2
    assert "it is a copy of" in caplog.text


def test_pictures_show_no_image_that_a_model_was_trained_on(sweep, tmp_path):
    """The split of mnist_5k goes by seed: another seed's test images are training images here."""
    runs = [next((sweep / "below").glob("*vae_bce*seed-1")), next((sweep / "below").glob("*_ae_bce*"))]
    comparison = compare(list(map(str, runs)), f"output_dir={tmp_path}")
    assert (
        "Left out, for they have other test images: vae bce d2."
        in (comparison.folder / "comparison.html").read_text()
        or "Left out, for they have other test images: ae bce d2."
        in (comparison.folder / "comparison.html").read_text()
    )


def test_a_model_of_nan_takes_no_other_down(sweep, tmp_path):
    copy = shutil.copytree(sweep / "below", tmp_path / "runs", ignore=shutil.ignore_patterns("evaluation"))
    broken = next(copy.glob("*_ae_bce*")) / "checkpoints/best.ckpt"
    checkpoint = torch.load(broken, weights_only=True)
    for weight in checkpoint["state_dict"].values():
        weight.fill_(float("nan"))
    torch.save(checkpoint, broken)
    comparison = compare(str(copy), "parts=[reconstruction]")
    assert len(comparison.groups) == 3
    assert any("pictures of ae bce d2" in sentence for sentence in comparison.failed)
    assert (comparison.folder / "comparison.html").exists()
