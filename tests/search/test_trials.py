"""Which process trains which trial, and what becomes of a killed one: with a cheap function as training."""

import json
import time
from itertools import count

import optuna
import pytest
from optuna.trial import TrialState

from jlml.cli.found import show_found
from jlml.errors import UserError
from jlml.search import storage as storage_module
from jlml.search.results import Found, ranking, values_of
from searches import TRIALS, open_trials


class Killed(BaseException):
    """Ends a process, for Optuna and for locks, as kill -9 does: nothing is recorded, every lock is free."""


def ignored(*_):
    pass


def train_next(trials, train=lambda *_: 1.0):
    """Trains a trial by a function; None if its process is killed."""
    try:
        return trials.train_next(train, ignored)
    except Killed:
        return None


def killed(*_, **__):
    raise Killed


class Training:
    """Three epochs of a cheap function, killed at one of its moments."""

    def __init__(self, trials, moments=None, killed_at=None):
        self.ranges, self.study = trials.settings.ranges, trials.study
        self.moments, self.killed_at = moments or count(), killed_at
        self.numbers = set()

    def moment(self):
        if next(self.moments) == self.killed_at:
            raise Killed

    def __call__(self, trial, number):
        self.numbers.add(number)
        values = {}
        for range_ in self.ranges:
            self.moment()
            values[range_.key] = range_.suggest(trial)
        trial.set_user_attr("values", values)
        loss = abs(float(values["optimizer.lr"]) - 0.01) * (2 if values["model.hidden"] == "[16]" else 3)
        known = self.study.get_trials(deepcopy=False)[trial.number].intermediate_values
        for epoch in (1, 2, 3):
            self.moment()
            if epoch not in known:
                trial.report(loss / epoch, epoch)
            if epoch < 3 and trial.should_prune():
                self.moment()
                raise optuna.TrialPruned
        self.moment()
        return loss


def results_of(trials):
    return [(trial.state, trial.value, values_of(trial), trial.params) for trial in trials.all()]


def test_killed_at_any_moment_it_ends_as_if_never_killed(tmp_path):
    """Same values, same results, same pruning, and every trial under its number."""
    trials, moments = open_trials(tmp_path / "undisturbed"), count()
    while train_next(trials, Training(trials, moments)):
        pass
    expected, most = results_of(trials), next(moments)
    assert {state for state, *_ in expected} == {TrialState.COMPLETE, TrialState.PRUNED}
    for killed_at in range(0, most, 3):
        moments, numbers, goes_on = count(), set(), True
        while goes_on is not False:
            trials = open_trials(tmp_path / str(killed_at))  # as another process
            training = Training(trials, moments, killed_at)
            goes_on = train_next(trials, training)
            numbers |= training.numbers
        assert results_of(trials) == expected
        assert numbers == set(range(TRIALS))


def test_no_process_takes_what_a_living_one_trains(tmp_path):
    ours, theirs = open_trials(tmp_path, trials=2), open_trials(tmp_path, trials=2)
    trained = []

    def train_first(trial, number):
        trained.append(number)
        assert train_next(theirs, train_second)
        return 0.0

    def train_second(trial, number):
        trained.append(number)
        assert open_trials(tmp_path, trials=2).train_next(killed, ignored) is False
        return 1.0

    assert train_next(ours, train_first)
    assert trained == [0, 1]
    assert [number for number, _ in ranking(ours)] == [0, 1]
    assert train_next(ours) is False
    assert train_next(open_trials(tmp_path, trials=3))  # more trials extend it


def test_what_other_processes_train_is_said(tmp_path, capsys):
    trials = open_trials(tmp_path, trials=1)

    def train(trial, number):
        show_found(Found.of(trials))
        return 1.0

    assert train_next(trials, train)
    assert "1 of 1 trials: 1 running.\nOther processes train the running trials." in capsys.readouterr().out


def test_a_trial_that_kills_its_process_three_times_is_given_up(tmp_path):
    for _ in range(3):
        assert train_next(open_trials(tmp_path, trials=1), killed) is None
    trials = open_trials(tmp_path, trials=1)
    assert train_next(trials, killed) is False
    assert [trial.state for trial in trials.all()] == [TrialState.FAIL]


def test_a_trial_may_be_interrupted_more_often(tmp_path):
    """Ctrl-C and a preempted job are not the trial's fault."""

    def interrupted(trial, number):
        trial.set_user_attr("interruptions", trial.user_attrs.get("interruptions", 0) + 1)
        raise Killed

    for _ in range(4):
        assert train_next(open_trials(tmp_path, trials=1), interrupted) is None
    assert train_next(open_trials(tmp_path, trials=1))


def test_a_process_killed_while_it_queues_a_trial_again_loses_nothing(tmp_path, monkeypatch):
    assert train_next(open_trials(tmp_path, trials=1), killed) is None
    trials = open_trials(tmp_path, trials=1)
    monkeypatch.setattr(trials.study, "tell", killed)
    assert train_next(trials) is None
    trials = open_trials(tmp_path, trials=1)
    assert train_next(trials)
    assert train_next(trials) is False
    assert [trial.state for trial in trials.all()] == [TrialState.COMPLETE]
    assert [trial.state for trial in trials.study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_failing_trial_ends_no_search(tmp_path):
    trials = open_trials(tmp_path, trials=2)

    def fail(trial, number):
        raise UserError("Training has diverged.")

    assert train_next(trials, fail)
    assert train_next(trials)
    assert [trial.state for trial in trials.all()] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_cut_off_line_of_the_journal_is_dropped(tmp_path):
    """At the start and while a process runs."""
    trials = open_trials(tmp_path, trials=2)
    journal = trials.folder / "journal.log"

    def cut_off():
        with journal.open("a") as file:
            file.write('{"op_code":4,"wor')

    def train(trial, number):
        cut_off()
        return 1.0

    assert train_next(trials, train)
    cut_off()
    trials = open_trials(tmp_path, trials=2)
    assert train_next(trials, train)
    assert [trial.state for trial in trials.all()] == [TrialState.COMPLETE] * 2
    for line in journal.read_text().splitlines():
        json.loads(line)


class TestDatabase:
    """Optuna's heartbeat says which trials are stale."""

    @pytest.fixture
    def search(self, tmp_path, monkeypatch):
        monkeypatch.setattr(storage_module, "HEARTBEAT", 1)
        monkeypatch.setattr(storage_module, "GRACE", 2)
        return {"storage": f"sqlite:///{tmp_path}/study.db", "trials": 2}

    @pytest.mark.robustness
    def test_a_trial_without_heartbeats_is_tried_again(self, tmp_path, search):
        values, folders = [], []

        def train(trial, number):
            values.append({range_.key: range_.suggest(trial) for range_ in trials.settings.ranges})
            folders.append(number)
            if len(values) == 1:
                raise Killed
            time.sleep(3)  # longer than the grace: its own heartbeats keep it
            return 1.0

        trials = open_trials(tmp_path, **search)
        assert train_next(trials, train) is None
        trials = open_trials(tmp_path, **search)
        assert train_next(trials, train)  # the killed one is not stale yet
        assert train_next(trials, train)
        assert train_next(trials, train) is False
        assert folders == [0, 1, 0]
        assert values[2] == values[0] != values[1]
        assert [trial.state for trial in trials.all()] == [TrialState.COMPLETE] * 2

    def test_a_process_whose_trial_was_given_to_another_goes_on_with_the_next(self, tmp_path, search):
        trials, theirs = open_trials(tmp_path, **search), open_trials(tmp_path, **search)

        def asleep(trial, number):
            theirs.study.tell(trial.number, state=TrialState.FAIL)
            return 1.0

        assert train_next(trials, asleep)
        assert train_next(trials)
        assert [trial.state for trial in trials.all()] == [TrialState.FAIL, TrialState.COMPLETE]

    def test_its_url_stands_in_no_file(self, tmp_path, search):
        trials = open_trials(tmp_path, **search)
        files = [path for path in trials.folder.rglob("*") if path.is_file()]
        assert not any(b"sqlite" in path.read_bytes() for path in files)
