"""The factors of a comparison: the keys in which its experiments differ, and how to say their levels."""

from collections.abc import Mapping, Sequence
from math import prod

from jlml.config import Config, experiment_of, flat, part_names, shown

GROUPS = ("model", "loss", "latent", "data", "optimizer", "scheduler", "trainer", "speed")
DERIVED = ("image_shape",)  # keys that follow from others
NAMES = {"latent": "latent dim", "latent.dim": "latent dim", "loss": "loss"}
MOST_JOINED = 3  # keys in the name of a factor that always change together


def factors_of(configs: Sequence[Config]) -> list[dict[str, str]]:
    """The level of each factor, for each experiment.

    A group whose choices or classes differ is a factor, for example the model. A key that differs between
    experiments of the same choice is a factor of these experiments only. Keys that always change together
    are one.
    """
    keys = [dict(flat(experiment_of(config))) for config in configs]
    parts = [part_names(config) for config in configs]
    levels: list[dict[str, str]] = [{} for _ in configs]
    for group in (*GROUPS, ""):
        differing = [key for key in differing_keys(keys) if group_of(key) == group]
        names = [str(some.get(group)) for some in parts]
        is_more_than_an_option = len(differing) > 1 or differing == [f"{group}._target_"]
        by_choice = is_more_than_an_option and len(set(names)) > 1
        for place, level in enumerate(levels):
            if by_choice:
                level[group] = names[place]
            alike = [some for some, name in zip(keys, names, strict=True) if name == names[place]]
            for key in differing_keys(alike) if by_choice else differing:
                if group_of(key) == group and key in keys[place]:
                    level[key] = shown(keys[place][key])
    return joined(levels)


def group_of(key: str) -> str:
    """The config group of a key, or an empty text."""
    group = key.partition(".")[0]
    return group if group in GROUPS else ""


def differing_keys(keys: Sequence[Mapping[str, object]]) -> list[str]:
    """The keys that do not have the same value everywhere."""
    names = dict.fromkeys(name for some in keys for name in some if name not in DERIVED)
    return [name for name in names if any(some.get(name) != keys[0].get(name) for some in keys)]


def joined(levels: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Factors that always change together become one, whose levels name all of them."""
    alike: dict[tuple[int | None, ...], list[str]] = {}
    for factor in dict.fromkeys(factor for level in levels for factor in level):
        seen = list(dict.fromkeys(level[factor] for level in levels if factor in level))
        pattern = tuple(seen.index(level[factor]) if factor in level else None for level in levels)
        alike.setdefault(pattern, []).append(factor)
    return [
        {
            " and ".join(factors[:MOST_JOINED]): level[factors[0]]
            if len(factors) == 1
            else " with ".join(in_words(factor, level[factor]) for factor in factors[:MOST_JOINED])
            for factors in alike.values()
            if factors[0] in level
        }
        for level in levels
    ]


def in_words(factor: str, level: str) -> str:
    """A level as a phrase: ``vae``, ``loss bce``, ``latent dim 16``, ``optimizer.lr=0.01``."""
    if factor in ("model", "") or " and " in factor:
        return level
    return f"{NAMES[factor]} {bare(factor, level)}" if factor in NAMES else f"{factor}={level}"


def bare(factor: str, level: str) -> str:
    """A level without the name of its factor: ``16`` for latent=d16."""
    return level.removeprefix("d") if factor in ("latent", "latent.dim") else level


def plural(factor: str, count: int) -> str:
    """A number of levels in words: ``3 losses``."""
    names = {"model": "models", "loss": "losses", "latent": "latent dims", "latent.dim": "latent dims"}
    return f"{count} {names.get(factor, f'values of {factor}')}"


def title_in_words(levels: Sequence[Mapping[str, str]]) -> str:
    """What differs between experiments: ``3 models x 2 losses``, or without a full grid the names."""
    counts = {
        factor: len({level[factor] for level in levels if factor in level})
        for factor in dict.fromkeys(factor for level in levels for factor in level)
    }
    if counts and prod(counts.values()) == len(levels):
        return " x ".join(plural(*pair) for pair in counts.items())
    names = [NAMES.get(factor, factor) for factor in counts]
    shown_names = ", ".join(names[:MOST_JOINED]) + (", ..." if len(names) > MOST_JOINED else "")
    return f"{len(levels)} experiments" + (f" that differ in {shown_names}" if names else "")
