"""What the text of a config can hide from whoever reads its values."""

import time

import pytest
import yaml
from exploits import READERS, fires, naive, put, refused, rewrite
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
def test_a_tag_of_yaml_runs_no_code(folder, canary, tag, reader):
    tag = tag.replace("TOUCH", f"touch {canary}")
    fires(lambda: yaml.unsafe_load(tag), canary)
    append(folder, f"threads: {tag}\n")
    refused(reader, folder, canary, "cannot be read")


CREATE = "{oc.create:{_target_: os.system, _args_: ['TOUCH']}}"
HIDDEN = {  # each is the text $ + CREATE to a parser of YAML
    "plain": f'"${CREATE}"',
    "an escaped sign": f'"\\x24{CREATE}"',
    "an escaped brace": f'"$\\x7b{CREATE[1:]}"',
    "in UTF-16 and UTF-32": f'"\\u0024\\U0000007b{CREATE[1:]}"',
    "over a broken line": f'"$\\\n    {CREATE}"',
    "after another": '"a${seed}$' + CREATE + '"',
}


@pytest.mark.parametrize(("hidden", "reader"), each_once(HIDDEN, READERS))
def test_a_resolver_runs_no_code(folder, canary, hidden, reader):
    """`oc.create` hands Hydra a node that no check of targets has seen."""
    text = HIDDEN[hidden].replace("TOUCH", f"touch {canary}")
    if hidden != "after another":
        fires(lambda: naive(OmegaConf.to_container(OmegaConf.create(f"x: {text}"), resolve=True)), canary)
    file = folder / "config.yaml"
    lines = file.read_text().splitlines(keepends=True)
    lines.insert(lines.index("optimizer:\n") + 1, f"  betas: {text}\n")
    file.write_text("".join(lines))
    refused(reader, folder, canary, "interpolation|None of the 2 runs")


@pytest.mark.parametrize(
    "value",
    ["${oc.env:HOME}", "\\${oc.env:HOME}", "${now:%Y}", "${hydra:runtime.cwd}", "${oc.decode:'1'}", "???"],
)
@pytest.mark.parametrize(
    "place", ["optimizer.betas", "output_dir", "choices.model", "model.hidden", "data.root"]
)
def test_nothing_in_a_config_is_resolved(folder, canary, value, place):
    rewrite(folder, lambda config: put(config, place, value))
    refused("load", folder, canary, "interpolation|missing value")
    rewrite(folder, lambda config: put(config, place, {value: 1}))
    refused("load", folder, canary, "interpolation|missing value")


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "!!binary aGk=", "[1, 2]", "{a: 1}", "~"])
@pytest.mark.parametrize(
    "group", ["latent", "model", "trainer", "callbacks", "checkpoints", "data", "choices"]
)
def test_keys_are_words(folder, canary, group, key):
    file = folder / "config.yaml"
    file.write_text(file.read_text().replace(f"\n{group}:\n", f"\n{group}:\n  ? {key}\n  : 1\n"))
    assert f"? {key}" in file.read_text()
    refused("load", folder, canary, "config.yaml")


def test_aliases_of_aliases_fill_no_memory(folder, canary):
    """A billion laughs: nine lines that stand for 10^9 values."""
    bomb = "a0: &a0 [lol]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    assert counted(yaml.safe_load(bomb)["a9"]) == 10**9
    append(folder, bomb)
    started = time.perf_counter()
    for reader in READERS:
        refused(reader, folder, canary, "aliases")
    assert time.perf_counter() - started < 20


def counted(node, seen=None):
    """How many values an alias stands for."""
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


@pytest.mark.parametrize(("place", "reader"), each_once(range(len(TEXTS)), READERS))
def test_monsters_in_a_config_are_a_sentence(folder, canary, place, reader):
    text = TEXTS[place]
    file = folder / "config.yaml"
    file.write_bytes(file.read_bytes() + (text if isinstance(text, bytes) else text.encode()) + b"\n")
    refused(reader, folder, canary)
