"""Which process trains which trial, and how killed trials are retried. Training is a cheap function."""

import json
import time
from itertools import count

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from jlml.cli.found import show_found
from jlml.errors import UserError
from jlml.search import storage as storage_module
from jlml.search.results import Found, ranking, values_of
from searches import TRIALS, open_trials


class Killed(BaseException):
    """Simulates kill -9 for Optuna and for locks: nothing is recorded and every lock is released."""


def ignored(*_):
    pass


def train_next(trials, train=lambda *_: 1.0):
    """Trains the next trial with a function. Returns None if its process is killed."""
    try:
        return trials.train_next(train, ignored)
    except Killed:
        return None


def killed(*_, **__):
    raise Killed


class Training:
    """Three epochs of a cheap function, killed at one of its numbered moments."""

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


@pytest.mark.robustness
def test_a_search_killed_at_any_moment_equals_an_uninterrupted_one(tmp_path):
    """It has the same values, results, pruning and trial numbers."""
    trials, moments = open_trials(tmp_path / "uninterrupted"), count()
    while train_next(trials, Training(trials, moments)):
        pass
    expected, last_moment = results_of(trials), next(moments)
    assert {state for state, *_ in expected} == {TrialState.COMPLETE, TrialState.PRUNED}
    for killed_at in range(0, last_moment, 3):
        moments, numbers, trained = count(), set(), True
        while trained is not False:
            trials = open_trials(tmp_path / str(killed_at))  # as a new process
            training = Training(trials, moments, killed_at)
            trained = train_next(trials, training)
            numbers |= training.numbers
        assert results_of(trials) == expected
        assert numbers == set(range(TRIALS))


def test_a_process_does_not_take_a_trial_that_another_one_trains(tmp_path):
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
    assert train_next(open_trials(tmp_path, trials=3))  # more trials extend the search


def test_trials_that_other_processes_train_are_reported(tmp_path, capsys):
    trials = open_trials(tmp_path, trials=1)

    def train(trial, number):
        show_found(Found.of(trials))
        return 1.0

    assert train_next(trials, train)
    assert "1 of 1 trials: 1 running.\nOther processes train the running trials." in capsys.readouterr().out


def test_a_trial_that_kills_its_process_three_times_has_failed(tmp_path):
    for _ in range(3):
        assert train_next(open_trials(tmp_path, trials=1), killed) is None
    trials = open_trials(tmp_path, trials=1)
    assert train_next(trials, killed) is False
    assert [trial.state for trial in trials.all()] == [TrialState.FAIL]


def test_an_interrupted_trial_is_retried_more_than_three_times(tmp_path):
    """Ctrl-C or a preempted job is not an error of the trial."""

    def interrupted(trial, number):
        trial.set_user_attr("interruptions", trial.user_attrs.get("interruptions", 0) + 1)
        raise Killed

    for _ in range(4):
        assert train_next(open_trials(tmp_path, trials=1), interrupted) is None
    assert train_next(open_trials(tmp_path, trials=1))


def test_a_trial_is_not_lost_if_the_process_that_requeues_it_is_killed(tmp_path, monkeypatch):
    assert train_next(open_trials(tmp_path, trials=1), killed) is None
    trials = open_trials(tmp_path, trials=1)
    monkeypatch.setattr(trials.study, "tell", killed)
    assert train_next(trials) is None
    trials = open_trials(tmp_path, trials=1)
    assert train_next(trials)
    assert train_next(trials) is False
    assert [trial.state for trial in trials.all()] == [TrialState.COMPLETE]
    assert [trial.state for trial in trials.study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_failed_trial_does_not_stop_the_search(tmp_path):
    trials = open_trials(tmp_path, trials=2)

    def fail(trial, number):
        raise UserError("Training has diverged.")

    assert train_next(trials, fail)
    assert train_next(trials)
    assert [trial.state for trial in trials.all()] == [TrialState.FAIL, TrialState.COMPLETE]


def test_an_incomplete_line_of_the_journal_is_dropped(tmp_path):
    """This holds both when a process starts and while it runs."""
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
    """With a database, Optuna's heartbeats show which trials are stale."""

    @pytest.fixture
    def search(self, tmp_path, monkeypatch):
        monkeypatch.setattr(storage_module, "HEARTBEAT", 1)
        monkeypatch.setattr(storage_module, "GRACE", 2)
        return {"storage": f"sqlite:///{tmp_path}/study.db", "trials": 2}

    def test_another_process_that_is_creating_the_tables_is_waited_for(self, search, monkeypatch):
        first_fails = iter([OperationalError("CREATE TABLE", {}, Exception("table exists"))])
        connected = storage_module.RDBStorage

        def connect(*arguments, **options):
            for error in first_fails:
                raise error
            return connected(*arguments, **options)

        monkeypatch.setattr(storage_module, "RDBStorage", connect)
        assert storage_module.database(search["storage"]).get_all_studies() == []

    @pytest.mark.robustness
    def test_a_trial_without_heartbeats_is_retried(self, tmp_path, search):
        values, folders = [], []

        def train(trial, number):
            values.append({range_.key: range_.suggest(trial) for range_ in trials.settings.ranges})
            folders.append(number)
            if len(values) == 1:
                raise Killed
            time.sleep(3)  # longer than the grace period, but its heartbeats continue
            return 1.0

        trials = open_trials(tmp_path, **search)
        assert train_next(trials, train) is None
        trials = open_trials(tmp_path, **search)
        assert train_next(trials, train)  # the killed trial is not stale yet
        assert train_next(trials, train)
        assert train_next(trials, train) is False
        assert folders == [0, 1, 0]
        assert values[2] == values[0] != values[1]
        assert [trial.state for trial in trials.all()] == [TrialState.COMPLETE] * 2

    def test_a_process_that_loses_its_trial_to_another_continues_with_the_next(self, tmp_path, search):
        trials, theirs = open_trials(tmp_path, **search), open_trials(tmp_path, **search)

        def asleep(trial, number):
            theirs.study.tell(trial.number, state=TrialState.FAIL)
            return 1.0

        assert train_next(trials, asleep)
        assert train_next(trials)
        assert [trial.state for trial in trials.all()] == [TrialState.FAIL, TrialState.COMPLETE]

    def test_the_url_of_the_database_is_not_written_to_any_file(self, tmp_path, search):
        trials = open_trials(tmp_path, **search)
        files = [path for path in trials.folder.rglob("*") if path.is_file()]
        assert not any(b"sqlite" in path.read_bytes() for path in files)
