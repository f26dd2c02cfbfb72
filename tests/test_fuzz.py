"""Some cases of `make fuzz`: a damaged file is either read or refused."""

import warnings

import pytest

from fuzz import check_good, fuzz, targets

pytestmark = pytest.mark.robustness

CASES = {
    **{"IDX": 3000, "IDX, gzipped": 2000, "snapshots": 500, "snapshots/labels.npy": 500},
    **{"metrics.json": 500, "evaluation/metrics.json": 500, "sweep.yaml": 100, "config.yaml": 60},
    **{"best.ckpt": 15, "data.pkl in best.ckpt": 30},
}


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return targets(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_read_or_refused_with_a_user_error(readers, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns about headers of Python 2
        check_good(readers[name])
        tally = fuzz(readers[name], CASES[name], seed=1)
    assert not tally.bugs
    assert tally.cases == tally.read + tally.refused.total() == CASES[name]


def test_every_reader_has_cases(readers):
    assert CASES.keys() == readers.keys()
