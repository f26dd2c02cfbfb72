"""Kept answers: the same as new ones, and only while nothing has changed that they are made of."""

import json
import os
import sys

import pytest

from conftest import ROOT, run, without_privileges
from jlml import answers
from jlml.answers import answer
from jlml.cli import is_plain_cfg


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("JLML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Composer:
    """Gives another answer each time."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return f"answer {self.times}"


@pytest.mark.parametrize("word", ["--help", "--cfg job", "model=ae latent.dim=3 --cfg job"])
@pytest.mark.parametrize("door", ["train.py", "evaluate.py"])
def test_the_second_answer_is_the_first_and_needs_no_hydra(door, word):
    words = word.split() if door == "train.py" or "model" not in word else ["run=some", "--cfg", "job"]
    program = (
        f"import runpy, sys; sys.argv = {[door, *words]!r}; runpy.run_path({door!r}, run_name='__main__')\n"
        "print('hydra' in sys.modules, file=sys.stderr)"
    )
    first, second = run("-c", program), run("-c", program)
    assert (first.returncode, first.stderr, second.stderr) == (0, "True\n", "False\n")
    assert first.stdout == second.stdout
    assert len(first.stdout.splitlines()) > 10


def test_each_door_has_its_own_answers():
    asked = [
        (door, *words) for door in ("train.py", "evaluate.py") for words in (["--help"], ["--cfg", "job"])
    ]
    first, second = ([run(*words).stdout for words in asked] for _ in range(2))
    assert first == second
    assert len(set(first)) == 4


@pytest.mark.parametrize("question", [["--help"], ["--cfg", "job"]])
@pytest.mark.parametrize("word", ["hydra.searchpath=[file://other]", "model=${oc.env:MODEL}"])
def test_what_comes_from_elsewhere_is_not_kept(folder, question, word):
    compose = Composer()
    assert [answer("train", [word, *question], compose) for _ in range(2)] == ["answer 1", "answer 2"]
    assert not folder.exists()


def test_an_answer_is_given_again_to_the_same_question_alone(folder):
    compose = Composer()
    given = [
        answer(*question, compose)
        for question in (
            ("train", ["--help"]),
            ("train", ["--help"]),
            ("train", ["--help", "model=ae"]),
            ("other", ["--help"]),
            ("train", ["--help", "model=ae"]),
        )
    ]
    assert given == ["answer 1", "answer 1", "answer 2", "answer 3", "answer 2"]
    assert folder.stat().st_mode & 0o077 == 0
    assert sorted(file.name for file in folder.iterdir()) == ["answer_other.json", "answer_train.json"]


def test_what_has_changed_is_composed_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(answers, "HERE", tmp_path / "jlml")
    config, code = tmp_path / "conf" / "group" / "choice.yaml", tmp_path / "jlml" / "config" / "help.py"
    for file in (config, code):
        file.parent.mkdir(parents=True)
        file.write_text("lr: 1")
    compose = Composer()
    assert [answer("train", [], compose) for _ in range(2)] == 2 * ["answer 1"]
    before = config.stat()
    config.write_text("lr: 2")
    os.utime(
        config, ns=(before.st_atime_ns, before.st_mtime_ns)
    )  # the same size and, it claims, the same time
    assert [answer("train", [], compose) for _ in range(2)] == 2 * ["answer 2"]
    config.with_name("more.yaml").write_text("")
    assert [answer("train", [], compose) for _ in range(2)] == 2 * ["answer 3"]
    code.write_text("lr: 3")
    assert [answer("train", [], compose) for _ in range(2)] == 2 * ["answer 4"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "conf" / "linked").symlink_to(elsewhere)
    (elsewhere / "choice.yaml").write_text("lr: 1")
    assert [answer("train", [], compose) for _ in range(2)] == 2 * ["answer 5"]


def test_an_answer_depends_on_the_configs_on_what_reads_them_and_on_the_libraries():
    names = {file.relative_to(ROOT).as_posix() for file in answers.sources() if file.is_relative_to(ROOT)}
    assert {"conf/train.yaml", "conf/model/vae.yaml", "conf/hydra/help/jlml.yaml"} < names
    assert {"jlml/config/help.py", "jlml/cli.py", "jlml/errors.py"} < names
    for library in ("hydra", "omegaconf", "yaml"):
        assert any(file.parent.name == library for file in answers.sources())


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", 200_000 * "[", '{"question": 1}', '{"text": 3, "question": %s}', "\xff"],
)
def test_what_is_damaged_or_strange_is_composed_anew(folder, content):
    compose = Composer()
    answer("train", ["--help"], compose)
    (file,) = folder.iterdir()
    question = json.loads(file.read_text())["question"]
    file.write_bytes(content.replace("%s", json.dumps(question)).encode("latin-1"))
    assert answer("train", ["--help"], compose) == "answer 2"
    assert answer("train", ["--help"], compose) == "answer 2"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for fewer rights")
def test_a_folder_that_cannot_be_written_costs_no_answer(folder):
    folder.mkdir(mode=0o500)
    with without_privileges():
        assert answer("train", ["--help"], Composer()) == "answer 1"
    assert list(folder.iterdir()) == []


def test_errors_are_not_kept(folder):
    wrong = run("train.py", "loss=contbern", "--cfg", "job")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("Error: loss=contbern is not a choice.")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("--cfg job", True),
        ("model=ae --cfg job", True),
        ("--cfg job --resolve", False),
        ("--cfg hydra", False),
        ("--cfg all", False),
        ("--cfg job --config-dir=other", False),
        ("--cfg", False),
        ("model=ae", False),
    ],
)
def test_only_the_plain_question_is_kept(words, kept):
    assert is_plain_cfg(words.split()) is kept
