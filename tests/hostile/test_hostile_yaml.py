"""Attacks in the YAML text of a config: tags, interpolations, aliases, and malformed or huge values."""

import time

import pytest
import yaml
from exploits import READERS, assert_exploit_works, assert_refused, instantiate_naively, rewrite, set_at
from omegaconf import OmegaConf

from conftest import each_once


def append(folder, text):
    file = folder / "config.yaml"
    file.write_text(file.read_text() + text)


TAGS = (
    "!!python/object/apply:os.system ['TOUCH']",
    "!!python/object/new:os.system ['TOUCH']",
    "!!python/object/apply:builtins.eval [\"__import__('os').system('TOUCH')\"]",
)


@pytest.mark.parametrize(("tag", "reader"), each_once(TAGS, READERS))
def test_a_yaml_tag_runs_no_code(folder, canary, tag, reader):
    tag = tag.replace("TOUCH", f"touch {canary}")
    assert_exploit_works(lambda: yaml.unsafe_load(tag), canary)
    append(folder, f"threads: {tag}\n")
    assert_refused(reader, folder, canary, "cannot be read")


CREATE = "{oc.create:{_target_: os.system, _args_: ['TOUCH']}}"
HIDDEN = {  # a YAML parser reads each as the text $ + CREATE
    "plain": f'"${CREATE}"',
    "escaped dollar sign": f'"\\x24{CREATE}"',
    "escaped brace": f'"$\\x7b{CREATE[1:]}"',
    "unicode escapes": f'"\\u0024\\U0000007b{CREATE[1:]}"',
    "across two lines": f'"$\\\n    {CREATE}"',
    "after another interpolation": '"a${seed}$' + CREATE + '"',
}


@pytest.mark.parametrize(("hidden", "reader"), each_once(HIDDEN, READERS))
def test_a_resolver_runs_no_code(folder, canary, hidden, reader):
    """`oc.create` gives Hydra a node that the check of targets has not seen."""
    text = HIDDEN[hidden].replace("TOUCH", f"touch {canary}")
    if hidden != "after another interpolation":
        loaded = OmegaConf.create(f"x: {text}")
        assert_exploit_works(
            lambda: instantiate_naively(OmegaConf.to_container(loaded, resolve=True)), canary
        )
    file = folder / "config.yaml"
    lines = file.read_text().splitlines(keepends=True)
    lines.insert(lines.index("optimizer:\n") + 1, f"  betas: {text}\n")
    file.write_text("".join(lines))
    assert_refused(reader, folder, canary, "interpolation|None of the 2 runs")


@pytest.mark.parametrize(
    "value",
    ["${oc.env:HOME}", "\\${oc.env:HOME}", "${now:%Y}", "${hydra:runtime.cwd}", "${oc.decode:'1'}", "???"],
)
@pytest.mark.parametrize(
    "place", ["optimizer.betas", "output_dir", "choices.model", "model.hidden", "data.root"]
)
def test_interpolations_and_missing_values_are_refused(folder, canary, value, place):
    rewrite(folder, lambda config: set_at(config, place, value))
    assert_refused("load", folder, canary, "interpolation|missing value")
    rewrite(folder, lambda config: set_at(config, place, {value: 1}))
    assert_refused("load", folder, canary, "interpolation|missing value")


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "!!binary aGk=", "[1, 2]", "{a: 1}", "~"])
@pytest.mark.parametrize(
    "group", ["latent", "model", "trainer", "callbacks", "checkpoints", "data", "choices"]
)
def test_keys_must_be_strings(folder, canary, group, key):
    file = folder / "config.yaml"
    file.write_text(file.read_text().replace(f"\n{group}:\n", f"\n{group}:\n  ? {key}\n  : 1\n"))
    assert f"? {key}" in file.read_text()
    assert_refused("load", folder, canary, "config.yaml")


def test_aliases_of_aliases_fill_no_memory(folder, canary):
    """The "billion laughs" attack: nine lines expand to 10^9 values."""
    bomb = "a0: &a0 [lol]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    assert counted(yaml.safe_load(bomb)["a9"]) == 10**9
    append(folder, bomb)
    started = time.perf_counter()
    for reader in READERS:
        assert_refused(reader, folder, canary, "aliases")
    assert time.perf_counter() - started < 20


def counted(node, seen=None):
    """The number of values to which a node expands."""
    seen = {} if seen is None else seen
    if not isinstance(node, list):
        return 1
    if id(node) not in seen:
        seen[id(node)] = sum(counted(each, seen) for each in node)
    return seen[id(node)]


TEXTS = [
    "seed: 0x" + "f" * 10_000,
    "seed: " + "9" * 10_000,
    "seed: " + "[" * 5_000,
    "seed: " + "{a: " * 5_000,
    "x: " + "y" * 1_000_000,
    "seed: .inf",
    "seed: 1e400",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe\x00",
    b"\0",
    "---\n---\n",
    "%YAML 9.9\n---\na: 1",
]


@pytest.mark.parametrize(("number", "reader"), each_once(range(len(TEXTS)), READERS))
def test_malformed_values_in_a_config_are_reported_in_one_sentence(folder, canary, number, reader):
    text = TEXTS[number]
    file = folder / "config.yaml"
    file.write_bytes(file.read_bytes() + (text if isinstance(text, bytes) else text.encode()) + b"\n")
    assert_refused(reader, folder, canary)
