"""The tables of a comparison, from invented evaluation results."""

from pathlib import Path

from jlml.comparison.groups import Group
from jlml.config import compose, plain
from jlml.evaluation.record import Evaluation
from jlml.evaluation.shown_scores import shown_scores
from jlml.evaluation.themes import against_baselines, comparison_table, main_tables, pictures_scored, themes
from jlml.runs import Run


def group_of(label, mse, elbo, *overrides, training=1000):
    """A group of runs with these numbers, one run per seed."""
    config = {**plain(compose("latent=d2", *overrides)), "image_shape": [1, 28, 28]}

    def content(seed, error, bound):
        return {
            "run_seed": seed,
            "latent_dim": 2,
            "data": {"test_images": 10, "training_images": training},
            "parts": {
                "reconstruction": {"metrics": {key: {"value": error} for key in ("mse", "lambda/mse")}},
                "likelihood": {"metrics": {"elbo": {"value": bound}}},
                "baselines": {"metrics": {"pca/mse": {"value": 500 / training}}},
            },
        }

    numbers = enumerate(zip(mse, elbo, strict=True))
    runs = [
        Evaluation(Run(Path(f"{label}{seed}")), config, Path("x"), content(seed, *pair))
        for seed, pair in numbers
    ]
    return Group(label, runs, {"group": label}, range(len(runs)))


def tables_of(groups):
    """All tables by the title of their theme and their own."""
    return {(theme.title, table.title): table for theme in themes(groups) for table in theme.tables}


def test_different_densities_and_different_images_get_separate_tables():
    groups = [
        group_of("a", [0.1, 0.101], [5.0, 5.01], "loss=mse"),
        group_of("b", [0.2, 0.201], [3.0, 3.01], "loss=mse", "loss.scale=0.1"),
        group_of("c", [0.05, 0.0501], [900.0, 901.0], "loss=cont_bern"),
    ]
    tables = tables_of(groups)
    assert list(tables) == [
        ("Reconstruction", "10 test images, grey mnist images of 28 x 28"),
        ("Likelihood", "Gaussian pixels, grey mnist images of 28 x 28, 10 test images"),
        (
            "Likelihood",
            "continuous Bernoulli pixels, limit 0.0001, grey mnist images of 28 x 28, 10 test images",
        ),
        ("Reconstruction, as mean images", "10 test images, grey mnist images of 28 x 28"),
    ]
    bold = {title: [row[0].text for row in t.rows if row[2].bold] for title, t in tables.items()}
    assert list(bold.values()) == [["c"], ["a"], [], ["c"]]
    assert [cell.text for cell in next(iter(tables.values())).rows[-1]] == ["PCA d2", "", "0.50000 ± 0.00000"]
    other = group_of("d", [0.01, 0.011], [1.0, 1.1], "loss=mse", "data=fashion_mnist")
    titles = [title for theme, title in tables_of([*groups, other]) if theme == "Reconstruction"]
    assert titles == [
        "10 test images, grey mnist images of 28 x 28",
        "10 test images, grey fashion_mnist images of 28 x 28",
    ]
    assert [len(table.rows) for table in main_tables([*groups, other])] == [3, 1]  # one for each data set


def test_a_table_has_the_mean_and_standard_deviation_of_each_group():
    incomplete = group_of("a", [0.1, 0.2, None], [0.0, 0.0, 0.0])
    table = comparison_table("t", [incomplete, group_of("b", [3.0, 3.1], [0.0, 0.0])], ["reconstruction/mse"])
    assert [cell.text for cell in table.rows[0]] == ["a", "3", "0.15000 ± 0.07071 (2 of 3)"]
    assert not any(cell.bold for row in table.rows for cell in row)


def test_pca_baselines_of_different_training_sets_get_separate_rows():
    groups = [
        group_of("few", [0.1, 0.2], [0.0, 0.0], training=1000),
        group_of("many", [0.1, 0.2], [0.0, 0.0], training=5000),
    ]
    (table,) = [table for (theme, _), table in tables_of(groups).items() if theme == "Reconstruction"]
    assert {row[0].text: row[2].text for row in table.rows[2:]} == {
        "PCA d2, 1,000 training images": "0.50000 ± 0.00000",
        "PCA d2, 5,000 training images": "0.10000 ± 0.00000",
    }


def test_groups_that_reconstruct_worse_than_pca_are_named():
    groups = [
        group_of("few", [0.1, 0.2], [0.0, 0.0], training=1000),  # PCA: 0.5
        group_of("many", [0.1, 0.2], [0.0, 0.0], training=5000),  # PCA: 0.1
    ]
    ((_, (sentence,)),) = against_baselines(groups)
    assert sentence.startswith("1 of 2 groups have, with mean images, a larger MSE than PCA with as many")
    assert list(against_baselines(groups[:1])) == []


def test_a_comparison_with_another_picture_than_the_mean_says_so():
    groups = [
        group_of("a", [0.1], [5.0], "loss=mse"),
        group_of("b", [0.1], [5.0], "loss=bce"),
        group_of("c", [0.05], [900.0], "loss=cont_bern"),
    ]
    ((shared, (sentence,)),) = pictures_scored(groups)
    assert shared == "10 test images, grey mnist images of 28 x 28"
    assert "lambda of the continuous Bernoulli" in sentence
    assert list(pictures_scored(groups[:2])) == []


def test_scores_in_a_comparison_are_those_of_the_picture_that_is_shown():
    metrics = {"generation/prior/precision": 0.1, "generation/prior_lambda/precision": 0.9}
    shown = "generation/prior_shown/precision"
    assert shown_scores(metrics, plain(compose("loss=cont_bern"))) == {shown: 0.9}
    assert shown_scores(metrics, plain(compose("loss=bce"))) == {shown: 0.1}
    metrics = {
        "reconstruction/mse": 0.1,
        "reconstruction/lambda/mse": 0.05,
        "reconstruction/by_class/1/mse": 0.2,
    }
    assert shown_scores(metrics, plain(compose("loss=cont_bern"))) == {"reconstruction_shown/mse": 0.05}
    assert shown_scores(metrics, plain(compose("loss=bce"))) == {"reconstruction_shown/mse": 0.1}


def test_an_impossible_mutual_information_is_explained():
    group = group_of("a", [0.1, 0.2], [5.0, 6.0], "model=vae")
    assert not [note for theme in themes([group]) for note in theme.notes if "impossible" in note]
    group.first.content["parts"]["likelihood"]["metrics"]["mutual_information"] = {"value": -0.2}
    group = Group("a", [Evaluation(run.run, run.config, run.folder, run.content) for run in group.runs])
    (note,) = [note for theme in themes([group]) for note in theme.notes if "impossible" in note]
    assert "at most 2.3 nats" in note  # log 10
