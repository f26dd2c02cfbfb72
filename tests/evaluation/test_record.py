"""Which earlier results are reused. A run folder and its evaluation are untrusted."""

import json
import shutil

import pytest

from jlml.config.schema import Evaluate
from jlml.errors import UserError
from jlml.evaluation.record import earlier_parts
from jlml.runs import Run


@pytest.fixture(scope="module")
def original(runs, evaluated, tmp_path_factory):
    """A copy of a run, with two parts evaluated."""
    folder = tmp_path_factory.mktemp("record") / "run"
    shutil.copytree(runs["ae"].path, folder, ignore=shutil.ignore_patterns("evaluation"))
    evaluated(str(folder), "parts=[reconstruction,likelihood]")
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def parts_in(folder, **settings):
    return earlier_parts(Run(folder), "best", Evaluate(**{"importance_samples": 3, **settings}))


def test_earlier_results_are_read_if_their_settings_are_equal(folder):
    content = json.loads((folder / "evaluation/metrics.json").read_text())
    assert parts_in(folder) == content["parts"]
    assert list(parts_in(folder, importance_samples=7)) == ["reconstruction"]
    assert parts_in(folder, seed=1) == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content, part: part["figures"][0].update(file="../config.yaml"),
        lambda content, part: part["figures"][0].update(file="/etc/passwd"),
        lambda content, part: part["figures"][0].update(file="gone.png"),
        lambda content, part: part["metrics"]["mse"].update(value="<script>"),
        lambda content, part: part["metrics"]["mse"].update(value=float("nan")),
        lambda content, part: part["metrics"]["mse"].update(value=10**400),
        lambda content, part: part["metrics"]["mse"].pop("standard_error"),
        lambda content, part: part.update(status="fine"),
        lambda content, part: part.update(seconds=None),
        lambda content, part: part.update(notes=[{}]),
        lambda content, part: part.clear(),
        lambda content, part: content["checkpoint"].update(sha256="of another checkpoint"),
        lambda content, part: content.update(jlml="0.1.0"),
        lambda content, part: content.update(feature_network_sha256="of another network"),
    ],
    ids=range(14),
)
def test_results_that_this_version_could_not_have_written_are_ignored(damage, folder):
    file = folder / "evaluation/metrics.json"
    content = json.loads(file.read_text())
    damage(content, content["parts"]["reconstruction"])
    file.write_text(json.dumps(content))
    assert "reconstruction" not in parts_in(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"parts": 3}', "null", "[" * 100_000, "\ud800"])
def test_a_damaged_file_gives_no_parts(text, folder):
    (folder / "evaluation/metrics.json").write_bytes(text.encode(errors="surrogatepass"))
    assert parts_in(folder) == {}


def test_links_are_not_followed_to_read_or_write(folder, evaluated, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "secret.png"
    secret.write_bytes(b"secret")
    for figure in (folder / "evaluation").glob("*.png"):
        figure.unlink()
        figure.symlink_to(secret)
    assert list(parts_in(folder)) == ["likelihood"]
    evaluated(str(folder), "parts=[reconstruction]")
    assert secret.read_bytes() == b"secret"
    shutil.rmtree(folder / "evaluation")
    (folder / "evaluation").symlink_to(outside)
    with pytest.raises(UserError, match="is a link"):
        evaluated(str(folder), "parts=[objective]")
    assert list(outside.iterdir()) == [secret]
    # the path of a run folder can be a link
    (folder / "evaluation").unlink()
    (tmp_path / "link").symlink_to(folder)
    assert "objective" in evaluated(str(tmp_path / "link"), "parts=[objective]").parts
