"""Searches: what they find and prune, who trains what, what survives a kill, what is refused."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import optuna
import pytest
from hydra.errors import HydraException
from optuna.trial import TrialState

import jlml
from conftest import ROOT
from jlml.config import check, compose, plain, sentence, word
from jlml.errors import UserError
from jlml.runs import Run
from jlml.search import search, show_found
from jlml.search import storage as storage_module
from jlml.search.ranges import Choices, Numbers, ranges_of
from jlml.search.settings import Settings, words_of
from jlml.search.trials import Trials

SMALL = (
    *("data=mnist_5k", "data.subset=300", "data.batch_size=50", "model.hidden=[16]", "loss=bce"),
    *("callbacks=none", "logger=none", "trainer.max_epochs=3", "search=default", "search.startup_trials=3"),
)
RATE = "+search.ranges.optimizer.lr={low:1e-6,high:1e-1,log:true}"
WIDTH = "+search.ranges.model.hidden=[[16],[24]]"
PLANTED = (*SMALL, RATE, WIDTH, "search.trials=9")  # a rate of 1e-6 learns nothing
SAID = ("attempts", "run", "seconds")  # what may differ between two searches that found the same


def run_search(folder, *words, small=SMALL):
    return search(compose(*small, f"output_dir={folder}", *words))


def rows_of(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def found_in(folder):
    return [{key: value for key, value in row.items() if key not in SAID} for row in rows_of(folder)]


def start(folder, *words):
    """The command as a user gives it, as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "train.py", *words, f"output_dir={folder}"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, process, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def planted(tmp_path_factory, data_root):
    """A search that nothing disturbed."""
    return run_search(tmp_path_factory.mktemp("planted"), f"data.root={data_root}", small=PLANTED)


def test_it_finds_what_was_planted(planted):
    rows = rows_of(planted.trials.folder)
    values = {row["trial"]: float(row["val/loss"]) for row in rows if row["state"] == "complete"}
    assert planted.value == min(values.values())
    config = planted.best.config()
    assert config["optimizer"]["lr"] > 1e-3
    assert planted.value == planted.best.metrics()["metrics"]["val/loss"]
    by_rate = sorted(rows, key=lambda row: float(row["optimizer.lr"]))
    assert float(by_rate[0]["val/loss"]) > float(by_rate[-1]["val/loss"]) + 20


def test_each_trial_is_an_ordinary_run(planted):
    best = planted.best
    assert "search" not in best.config()
    assert "search" not in best.config()["choices"]
    assert not any("search" in change for change in best.config()["changes"])
    assert jlml.load(best.path).latent_dim == 2
    assert best.path.name in {row["run"].split("/")[-1] for row in rows_of(planted.trials.folder)}


def test_the_shown_command_composes_the_best_config(planted, capsys):
    show_found(planted)
    shown = capsys.readouterr().out
    (command,) = [line for line in shown.splitlines() if line.startswith("Train it")]
    words = [word.strip("'") for word in command.split("train.py ")[1].split()]
    config, best = plain(compose(*words)), planted.best.config()
    for group in ("model", "loss", "optimizer", "latent", "trainer"):
        assert config[group] == best[group]
    assert f"Evaluate it  python evaluate.py run={planted.best.path}" in shown


def test_a_bad_trial_is_pruned_and_says_so(planted):
    pruned = [row for row in rows_of(planted.trials.folder) if row["state"] == "pruned"]
    assert pruned
    for row in pruned:
        run = Run.open(row["run"])
        record = run.metrics()
        assert (record["status"], record["epochs"]) == ("pruned", 2)
        assert row["epochs"] == "2"
        assert "Traceback" not in (run.path / "train.log").read_text()
        run.load_model("best")  # it can be evaluated all the same
    assert planted.counts == {"complete": 9 - len(pruned), "pruned": len(pruned)}


def test_the_same_command_trains_nothing_again_and_more_trials_extend_it(tmp_path, planted):
    """Also where the search has been moved."""
    name = planted.trials.folder.name
    folder = tmp_path / "searches" / name
    shutil.copytree(planted.trials.folder, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/*")}
    again = run_search(tmp_path, small=PLANTED)
    assert (again.trials.folder, again.value) == (folder, planted.value)
    assert before == {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/*")}
    extended = run_search(tmp_path, "search.trials=10", small=PLANTED[:-1])
    assert sum(extended.counts.values()) == 10
    assert found_in(folder)[:9] == found_in(planted.trials.folder)


def test_killed_and_continued_it_ends_as_if_never_killed(tmp_path, planted):
    """By the same command, twice: killed in the middle of a trial, then left alone."""
    process = start(tmp_path, *PLANTED)
    search_folder = tmp_path / "searches" / planted.trials.folder.name
    wait_for((search_folder / "trial-0002/checkpoints/last.ckpt").exists, process)
    kill(process)
    process = start(tmp_path, *PLANTED)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    resumed = [line for line in out.splitlines() if ", resumed: " in line]
    assert [line.split(",")[0] for line in resumed] == ["trial 2"]
    assert found_in(search_folder) == found_in(planted.trials.folder)
    assert Counter(row["attempts"] for row in rows_of(search_folder)) == {"1": 8, "2": 1}


def test_two_processes_share_a_search_though_one_is_killed(tmp_path):
    words = [*PLANTED, "search.name=shared"]
    folder = tmp_path / "searches/shared"
    one, other = start(tmp_path, *words), start(tmp_path, *words)
    wait_for((folder / "trial-0003/checkpoints/last.ckpt").exists, one)
    kill(one)
    out, err = other.communicate(timeout=120)
    if other.returncode == 0 and "running" in out:  # killed as the other had nothing left to look for
        out, err = start(tmp_path, *words).communicate(timeout=120)
    assert other.returncode == 0, err
    assert "9 of 9 trials" in out
    rows = rows_of(folder)
    assert [int(row["trial"]) for row in rows] == list(range(9))
    assert {row["state"] for row in rows} <= {"complete", "pruned"}
    assert len({row["optimizer.lr"] for row in rows}) == 9  # no two drew the same
    assert sorted(path.name for path in folder.glob("trial-*")) == [f"trial-{n:04d}" for n in range(9)]
    for row in rows:
        assert Run(folder / f"trial-{int(row['trial']):04d}").metrics()["epochs"] == int(row["epochs"])


def test_a_failing_trial_is_recorded_and_the_search_goes_on(tmp_path, capsys):
    found = run_search(tmp_path, "+search.ranges.optimizer.lr=[1e-3,1e30]", "search.trials=4")
    assert found.counts["failed"] + found.counts["complete"] == 4
    assert found.counts["failed"] > 0
    assert found.best is not None
    failed = [row for row in rows_of(found.trials.folder) if row["state"] == "failed"]
    assert all("Training has diverged" in row["error"] for row in failed)
    show_found(found)
    assert "failed: Training has diverged" in capsys.readouterr().out


def test_a_search_without_a_complete_trial_ends_in_an_error(tmp_path):
    found = run_search(tmp_path, "+search.ranges.optimizer.lr=[1e29,1e30]", "search.trials=2")
    assert found.counts == {"failed": 2}
    with pytest.raises(UserError, match="No trial of .* was completed"):
        show_found(found)


def test_a_trial_that_kills_its_process_is_given_up(tmp_path):
    cfg = compose(*SMALL, WIDTH, f"output_dir={tmp_path}", "search.trials=1")
    for _ in range(3):
        trials = Trials(Settings.of(cfg))
        with trials.next() as claim:
            assert claim.trial.number == 0
    assert search(cfg).counts == {"failed": 1}
    assert "ended 3 times without a word" in rows_of(trials.folder)[0]["error"]


def test_what_a_living_process_trains_nobody_else_takes(tmp_path):
    cfg = compose(*SMALL, WIDTH, f"output_dir={tmp_path}", "search.trials=2")
    ours, theirs = Trials(Settings.of(cfg)), Trials(Settings.of(cfg))
    with ours.next() as first, theirs.next() as second, ours.next() as third:
        assert (first.trial.number, second.trial.number, third) == (0, 1, None)
    with theirs.next() as taken_up:
        assert (taken_up.trial.number, taken_up.resumed) == (0, True)


def test_a_line_cut_off_in_the_journal_is_dropped(tmp_path):
    cfg = compose(*SMALL, WIDTH, f"output_dir={tmp_path}", "search.trials=1")
    trials = Trials(Settings.of(cfg))
    with (trials.folder / "journal.log").open("a") as file:
        file.write('{"op_code":4,"wor')
    assert search(cfg).counts == {"complete": 1}
    for line in (trials.folder / "journal.log").read_text().splitlines():
        json.loads(line)


def test_another_search_does_not_go_on_under_the_same_name(tmp_path):
    run_search(tmp_path, WIDTH, "search.name=mine", "search.trials=1")
    with pytest.raises(UserError, match=r"search\.ranges\.optimizer\.lr\.low was not set and is 1e-06"):
        run_search(tmp_path, WIDTH, RATE, "search.name=mine", "search.trials=1")
    with pytest.raises(UserError, match=r"loss\._target_ was jlml\.losses\.Bernoulli and is .*Gaussian"):
        run_search(
            tmp_path, WIDTH, "search.name=mine", small=[w.replace("loss=bce", "loss=mse") for w in SMALL]
        )


def test_words_make_the_name_but_not_those_in_passing(tmp_path):
    def name(*words):
        return Settings.of(compose(*SMALL, RATE, *words)).folder_name

    assert name() == name("output_dir=elsewhere", "data.root=there", "search.trials=3", "logger=tensorboard")
    others = {name(), name("latent.dim=3"), name("search.metric=val/mse"), name("search.seed=1"), name(WIDTH)}
    assert len(others) == 5
    assert name().startswith("default_vae_bce_mnist_5k_")
    assert name("+search.ranges.latent.dim=[2,4]", "latent.dim=2") == name(
        "+search.ranges.latent.dim=[2,4]", "latent.dim=8"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("experiment=vae_20d", "search=vae", "seed=3"),
        ("model=ae_deep", "search=ae", "~callbacks.projector", "+trainer.accumulate_grad_batches=2"),
        ("experiment=conv_32", "search=default", "model.code=dense"),
    ],
)
def test_a_config_composes_again_from_its_words(words):
    config = plain(compose(*words))
    again = plain(compose(*words_of(config, set())))
    for key in config.keys() - {"search", "choices", "changes"}:
        assert again[key] == config[key]


def test_ranges_become_what_optuna_knows():
    node = {
        "latent": {"dim": {"low": 2, "high": 9, "step": 3}},
        "optimizer.lr": {"low": 1e-4, "high": 1, "log": True},
        "scheduler": ["none", "cosine"],
        "model": {"hidden": {"choices": [[16], [32, 16]]}},
    }
    dim, rate, scheduler, hidden = ranges_of(node)
    assert dim == Numbers("latent.dim", 2, 8, 3, False)  # 9 is no step from 2
    assert rate == Numbers("optimizer.lr", 1e-4, 1.0, None, True)
    assert scheduler == Choices("scheduler", ("none", "cosine"))
    assert hidden == Choices("model.hidden", ("[16]", "[32,16]"))
    trial = optuna.trial.FixedTrial(
        {"latent.dim": 5, "optimizer.lr": 0.00123456, "scheduler": "none", "model.hidden": "[16]"}
    )
    assert [r.ask(trial) for r in (dim, rate, scheduler, hidden)] == ["5", "0.001235", "none", "[16]"]
    assert word("model.hidden", "[16]") == "model.hidden=[16]"
    assert word("a.b", "two words") == "a.b='two words'"


DIM = "+search.ranges.latent.dim="


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({}, "search.ranges is empty. Choose search=ae or search=vae, or add a range"),
        ({"latent": {"dim": 5}}, "search.ranges.latent.dim=5 is not a range. Write"),
        ({"latent": {"dim": 5}}, "To fix the key, say latent.dim=5."),
        ({"latent": {"dim": {"lo": 2, "high": 5}}}, "lo is not an option of a range. Did you mean low?"),
        ({"latent": {"dim": {"low": 2}}}, "search.ranges.latent.dim has no high."),
        ({"latent": {"dim": {"low": 8, "high": 2}}}, "goes from low=8 to high=2, which is nothing"),
        ({"latent": {"dim": {"low": 2, "high": 8, "step": 9}}}, "step=9 is not possible"),
        ({"seed": {"low": 2, "high": 8, "step": 2, "log": True}}, "step and log, which exclude each other"),
        ({"seed": {"low": 2, "high": 8, "log": "yes"}}, "log=yes is not possible. Use true or false."),
        ({"optimizer.lr": {"low": 0, "high": 1, "log": True}}, "low=0 is not possible with log=true"),
        ({"optimizer.lr": {"low": 1e-3, "high": "fast"}}, "high=fast is not possible. Use a number."),
        ({"loss": []}, "is no choice. Give a list of two values or more, each once."),
        ({"loss": {"choices": ["mse", "mse"]}}, "search.ranges.loss=[mse,mse] is no choice"),
        ({"loss": [{"a": 1}, "mse"]}, "cannot be a choice. Use numbers, names or lists."),
        ({"a": {"b": [1, 2]}, "a.b": [1, 2]}, "names a.b twice, once nested and once with dots"),
    ],
)
def test_what_is_no_range_is_refused(node, says):
    with pytest.raises(UserError) as raised:
        ranges_of(node)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "search.ranges is empty."),
        (
            [f"{DIM}[2,3]", "+search.trails=3"],
            "search.trails is not a key of the config. Did you mean trials?",
        ),
        ([f"{DIM}[2,3]", "search.trials=0"], "search.trials=0 is not possible. Use a whole number"),
        ([f"{DIM}[2,3]", "search.name=a/b"], "search.name=a/b is not possible. Use a name of letters"),
        ([f"{DIM}[2,3]", "search.direction=down"], "Use one of: minimize, maximize."),
        (
            ["+search.ranges.latent.dmi=[2,3]"],
            "latent.dmi is not a key of the config. Did you mean latent.dim?",
        ),
        ([f"{DIM}{{low:0,high:2}}"], "search.ranges: latent.dim=0 is not possible. Use a whole number"),
        (["+search.ranges.scheduler=[none,cosin]"], "scheduler=cosin is not a choice. Did you mean cosine?"),
        (["+search.ranges.latent={low:2,high:4}"], "numbers go to a key, as latent.dim"),
        (["+search.ranges.loss=[mse,bce]"], "val/loss does not compare trials that differ in loss ("),
        (["loss=cont_bern", "+search.ranges.loss.limit=[1e-3,1e-4]"], "that differ in loss.limit (0.001, "),
        (["+search.ranges.model.beta=[1,4]"], "differ in model.beta (1, 4): it weighs its terms differently"),
        (["+search.ranges.model=[ae,vae]"], "differ in model.beta (null, 1.0)"),
        (
            ["+search.ranges.data.pixels=[grey,binarized]", "search.metric=val/mse"],
            "No metric compares trials",
        ),
        (["+search.ranges.seed=[0,1]"], "would find the luckiest seed"),
        (["+search.ranges.draw_every=[1,2]"], "changes no number of a run"),
        ([f"{DIM}[2,3]", "search.metric=val/los"], "is no metric of model=vae. Did you mean val/loss?"),
        ([f"{DIM}[2,3]", "search.metric=test/loss"], "Use a metric of validation"),
        ([f"{DIM}[2,3]", "search.metric=val/elbo"], "val/elbo is better where it is higher"),
        ([f"{DIM}[2,3]", "search.storage=study.db"], "search.storage is not a URL."),
        ([f"{DIM}[2,3]", "search.storage='nosql://me:secret@there/x'"], "search.storage cannot be used: "),
        ([f"{DIM}[2,3]", "trainer=ddp"], "trainer.devices=2 does not go with a search"),
        (
            ["model=conv_vae", "model.code=spatial", "latent.dim=16", f"{DIM}[16,30]"],
            "search.ranges: latent.dim=30 does not fit a spatial code",
        ),
    ],
)
def test_a_mistake_is_one_sentence_before_any_trial(tmp_path, words, says):
    common = [word for word in SMALL if "loss=" not in word and "hidden" not in word]

    def as_the_door_does():
        cfg = compose(*common, f"output_dir={tmp_path / 'outputs'}", *words)
        check(plain(cfg))
        search(cfg)

    with pytest.raises(UserError) as raised:
        as_the_door_does()
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("+search.ranges.loss=[mse,bce]", "search.metric=val/mse"),
        ("+search.ranges.model.beta={low:1,high:4}", "search.metric=val/elbo", "search.direction=maximize"),
        ("loss=mse", "+search.ranges.loss.scale={low:.1,high:.3}"),
    ],
)
def test_what_compares_is_searched(tmp_path, words):
    common = [word for word in SMALL if word != "loss=bce"]
    assert run_search(tmp_path, *words, "search.trials=1", small=common).counts == {"complete": 1}


def test_a_range_that_is_not_there_yet_takes_a_plus():
    with pytest.raises(HydraException) as raised:
        compose("search=vae", "search.ranges.model.beta=[1,2]")
    assert sentence(raised.value) == (
        "search.ranges.model.beta is no range of this search yet. "
        "Add it with a plus: '+search.ranges.model.beta=...'."
    )


def test_training_refuses_a_search(tmp_path):
    with pytest.raises(UserError, match="asks for many runs"):
        jlml.train(*SMALL, WIDTH, parent=tmp_path)


class TestDatabase:
    """A search whose record is in a database, which machines share that share no files."""

    @pytest.fixture
    def url(self, tmp_path):
        return f"sqlite:///{tmp_path}/study.db"

    def test_goes_on_and_keeps_the_url_to_itself(self, tmp_path, url, capsys):
        words = (WIDTH, f"search.storage='{url}'")
        run_search(tmp_path, *words, "search.trials=1")
        found = run_search(tmp_path, *words, "search.trials=2")
        show_found(found)
        assert found.counts == {"complete": 2}
        assert "sqlite" not in capsys.readouterr().out
        files = [path for path in found.trials.folder.rglob("*") if path.is_file()]
        assert files
        assert not any(b"sqlite" in path.read_bytes() for path in files)

    def test_a_trial_of_a_silent_machine_is_tried_again_elsewhere(self, tmp_path, url, monkeypatch):
        monkeypatch.setattr(storage_module, "SILENCE", 1)
        words = (*SMALL, WIDTH, f"search.storage='{url}'", "search.trials=2", "search.name=far")
        far = Trials(Settings.of(compose(*words, f"output_dir={tmp_path / 'far'}")))
        with far.next() as claim:  # and that is the last that is heard of it
            lost = {range_.key: range_.ask(claim.trial) for range_ in far.settings.ranges}
            far.study._storage.record_heartbeat(claim.trial._trial_id)
        time.sleep(2.5)
        found = search(compose(*words, f"output_dir={tmp_path / 'near'}"))
        assert found.counts == {"complete": 2}
        again = [trial for trial in found.trials.all() if "again" in trial.user_attrs]
        assert [trial.user_attrs["values"] for trial in again] == [lost]
        assert {row["trial"] for row in rows_of(found.trials.folder)} == {"1", "2"}

    def test_a_trial_of_a_living_machine_is_left_to_it(self, tmp_path, url):
        words = (*SMALL, WIDTH, f"search.storage='{url}'", "search.trials=2", "search.name=far")
        far = Trials(Settings.of(compose(*words, f"output_dir={tmp_path / 'far'}")))
        with far.next():
            pass
        found = search(compose(*words, f"output_dir={tmp_path / 'near'}"))
        assert found.counts == {"running": 1, "complete": 1}

    def test_of_two_that_ask_at_once_only_one_gets_the_last_trial(self, tmp_path, url, monkeypatch):
        words = (*SMALL, WIDTH, f"search.storage='{url}'", "search.trials=1", "search.name=far")
        far, near = (
            Trials(Settings.of(compose(*words, f"output_dir={tmp_path / place}"))) for place in ("a", "b")
        )
        ask = near.study.ask

        def both_ask():
            monkeypatch.undo()
            far.study.ask()
            return ask()

        monkeypatch.setattr(near.study, "ask", both_ask)
        with near.next() as claim:
            assert claim is None
        states = [trial.state for trial in near.study.get_trials()]
        assert states == [TrialState.RUNNING, TrialState.FAIL]
        assert [trial.number for trial in near.all()] == [0]
