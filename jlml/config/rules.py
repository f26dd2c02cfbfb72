"""What the values of jlml's own keys may be."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from jlml.config.keys import check_groups, check_keys, keys_of_evaluation, value_at
from jlml.errors import UserError, did_you_mean

LONGEST_SHOWN = 80  # characters of a value in a sentence


class Rule(NamedTuple):
    """Does a value fit, what is allowed, in words, and the words that are, where it is a choice."""

    fits: Callable[[Any], bool]
    allowed: str
    words: Sequence[str] = ()


def shown(value: Any) -> str:
    """A value as one would type it on the command line."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def in_short(text: str) -> str:
    """A text that fits into a sentence, whatever was given."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def whole(least: int, most: int | None = None) -> Rule:
    """A whole number of at least so much, and at most so much."""

    def fits(value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and value >= least and (most is None or value <= most)

    return Rule(
        fits, f"a whole number {f'of at least {least}' if most is None else f'from {least} to {most}'}"
    )


def number(least: float, *, above: bool = False, below: float | None = None) -> Rule:
    """A finite number from ``least`` on, or strictly above it, and strictly below ``below``."""

    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            return False
        return (value > least if above else value >= least) and (below is None or value < below)

    end = "" if below is None else f" and below {below:g}"
    return Rule(fits, f"a number {'above' if above else 'of at least'} {least:g}{end}")


def one_of(*values: Any) -> Rule:
    """One of these words, numbers or truths."""
    words = [shown(value) for value in values]

    def fits(value: Any) -> bool:  # 1 equals True, and is not what was meant
        return any(value == other and type(value) is type(other) for other in values)

    return Rule(fits, f"one of: {', '.join(words)}", words)


def widths() -> Rule:
    """A list, possibly empty, of layer widths."""
    fits = whole(1).fits
    return Rule(
        lambda v: isinstance(v, list) and all(map(fits, v)),
        "a list of whole numbers of at least 1, as [128,64]",
    )


def pairs() -> Rule:
    """A list of pairs of classes."""
    fits = whole(0, 9).fits

    def is_pair(value: Any) -> bool:
        return isinstance(value, list) and len(value) == 2 and all(map(fits, value))

    return Rule(
        lambda v: isinstance(v, list) and all(map(is_pair, v)),
        "a list of pairs of classes, as [[4,9],[3,8]]",
    )


def optional(rule: Rule) -> Rule:
    """None, or what the rule allows."""
    return Rule(lambda v: v is None or rule.fits(v), f"{rule.allowed}, or null", rule.words)


def distinct(count: int, least: int) -> Rule:
    """A list of so many different whole numbers."""
    fits = whole(least).fits

    def are(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == count == len(set(map(str, value)))
            and all(map(fits, value))
        )

    example = shown(list(range(least, least + count)))
    return Rule(are, f"a list of {count} different whole numbers of at least {least}, as {example}")


def devices() -> Rule:
    """How many devices, or which ones."""
    fits = whole(1).fits

    def are(value: Any) -> bool:
        is_list = isinstance(value, list) and len(value) > 0
        return fits(value) or (is_list and distinct(len(value), 0).fits(value))

    return Rule(are, "a whole number of at least 1, or the numbers of different devices, as [0,1]")


def text() -> Rule:
    """A string that is not empty."""
    return Rule(lambda v: isinstance(v, str) and v.strip() != "", "a name")


def file_name() -> Rule:
    """A word that can name a folder, on a disk and on a command line."""
    return Rule(
        lambda v: isinstance(v, str) and re.fullmatch(r"[\w+-][\w.+-]*", v) is not None,
        "a name of letters, digits and _ + - .",
    )


def is_path(value: Any) -> bool:
    """Whether this names a place: words, or a number that Hydra made of a folder's name."""
    return isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip() != ""


def truth() -> Rule:
    """True or false."""
    return Rule(lambda v: isinstance(v, bool), "true or false")


RULES = {
    "seed": whole(0, 2**32 - 1),
    "output_dir": text(),
    "threads": optional(whole(1, 1024)),  # many more end the process without a word
    "resume": Rule(lambda v: v is None or is_path(v), "the folder of a run"),
    "checkpoints.steps": optional(whole(1)),
    "checkpoints.minutes": optional(number(0, above=True)),
    "data.root": text(),
    "sweep.name": optional(file_name()),
    "sweep.rank": one_of("val/mse", "val/bce", "val/loss", "val/nll"),
    "sweep.retry": truth(),
    "draw_every": optional(whole(1)),
    "early_stopping": optional(whole(1)),
    "data.batch_size": whole(1),
    "data.eval_batch_size": whole(1),
    "data.image_size": optional(whole(4, 512)),
    "data.fit": one_of("pad", "resize"),
    "data.pixels": one_of("grey", "dequantized", "binarized"),
    "data.subset": optional(whole(1)),
    "data.fallback": truth(),
    "data.seed": whole(0, 2**32 - 1),
    "model.hidden": widths(),
    "model.channels": widths(),
    "model.code": one_of("dense", "spatial"),
    "model.dense_channels": whole(1),
    "model.beta": number(0),
    "model.kl_warmup_epochs": whole(0),
    "loss.scale": number(0, above=True),
    "loss.link": one_of("sigmoid", "identity"),
    "loss.limit": number(0, below=0.5),
    "latent.dim": whole(1),
    "optimizer.lr": number(0, above=True),
    "optimizer.weight_decay": number(0),
    "scheduler.T_max": whole(1),
    "scheduler.factor": number(0, above=True, below=1),
    "scheduler.patience": whole(0),
    "trust": truth(),
    "trainer.max_epochs": whole(1),
    "trainer.strategy": one_of("auto", "ddp"),
    "trainer.devices": devices(),
    "trainer.num_nodes": whole(1),
    "trainer.precision": one_of("32-true", "bf16-mixed"),
    # what a run is judged by, its best checkpoint, needs whole epochs, each validated
    "trainer.max_steps": one_of(-1),
    "trainer.fast_dev_run": one_of(False),
    "trainer.check_val_every_n_epoch": one_of(1),
    "trainer.val_check_interval": one_of(1.0),
    "search.name": optional(file_name()),
    "search.trials": whole(1),
    "search.metric": text(),
    "search.direction": one_of("minimize", "maximize"),
    "search.startup_trials": whole(1),
    "search.pruning": truth(),
    "search.warmup_epochs": whole(0),
    "search.seed": whole(0, 2**32 - 1),
    "trainer.limit_train_batches": number(0, above=True),
    "trainer.limit_val_batches": number(0, above=True),
    "trainer.limit_test_batches": number(0, above=True),
    "trainer.log_every_n_steps": whole(1),
    "trainer.num_sanity_val_steps": whole(0),
    "trainer.enable_model_summary": truth(),
    "trainer.enable_checkpointing": one_of(True),
    "trainer.barebones": one_of(False),
    "trainer.deterministic": one_of(True, False, "warn"),
    "trainer.detect_anomaly": truth(),
    "trainer.gradient_clip_val": optional(number(0, above=True)),
    "trainer.compile": truth(),
    "trainer.capture": truth(),
    "trainer.onednn": truth(),
    "trainer.gradient_clip_algorithm": optional(one_of("norm")),
    "trainer.accumulate_grad_batches": one_of(1),  # a larger data.batch_size is the same, and fits in memory
    "callbacks.*.every": optional(whole(1)),
    "callbacks.*.images": whole(1),
    "callbacks.reconstructions.per_class": whole(1),
    "callbacks.interpolations.pairs": pairs(),
    "callbacks.interpolations.steps": whole(2),
    "callbacks.samples.rows": whole(1),
    "callbacks.samples.columns": whole(1),
    "callbacks.manifold.side": whole(2),
}

EVALUATION_RULES = {
    "run": Rule(lambda v: v is None or is_path(v), "the path of one run; several go to runs=[...]"),
    "runs": Rule(
        lambda v: v is None or is_path(v) or (isinstance(v, list) and all(map(is_path, v))),
        "a folder, a glob, or a list of folders as 'runs=[one,other]'",
    ),
    "sweep": Rule(lambda v: v is None or is_path(v), "the folder of a sweep"),
    "checkpoint": one_of("best", "last"),
    "reuse": truth(),
    "output_dir": optional(text()),
    "device": one_of("cpu", "gpu"),
    "seed": whole(0, 2**32 - 1),
    "batch_size": whole(1),
    "importance_samples": whole(1),
    "samples": whole(1),
    "tsne_images": whole(1),
    "plane.axes": optional(distinct(2, 1)),
    "plane.images": optional(distinct(3, 0)),
    "data.root": optional(text()),
    "trust": truth(),
}


def check(config: Mapping[str, Any]) -> None:
    """Refuses keys that are not there to be set, and values that cannot be, before anything is built.

    Raises:
        UserError: naming the key, what was given and what is allowed.
    """
    check_keys(config)
    check_values(config)
    check_processes(config)


def check_job(config: Mapping[str, Any]) -> None:
    """Refuses in a sweep what only a command of its own can do.

    Raises:
        UserError: the run wants several processes, each of which would start the whole sweep again, or is
            a search.
    """
    if "search" in config:
        raise UserError("search=... is many runs already: leave -m out.")
    if config.get("resume") is not None:
        raise UserError("resume=... is one run: leave -m out. A sweep goes on when its command is repeated.")
    if config["trainer"].get("strategy") == "ddp":
        raise UserError(
            "trainer.strategy=ddp does not work with -m: each process of a run would start the whole sweep "
            "again. Run one command for each run, without -m, or use trainer=default, one process a run."
        )


def check_processes(config: Mapping[str, Any]) -> None:
    """Refuses more processes than the strategy or a batch is for.

    Raises:
        UserError: naming the keys.
    """
    trainer = config["trainer"]
    devices, nodes = trainer.get("devices", 1), trainer.get("num_nodes", 1)
    processes = nodes * (len(devices) if isinstance(devices, list) else devices)
    if processes > 1 and trainer.get("strategy", "auto") != "ddp":
        raise UserError(
            f"trainer.devices={shown(devices)} and trainer.num_nodes={nodes} train in {processes} processes. "
            "Use trainer=ddp for that, or one device."
        )
    for key in ("compile", "capture"):
        if trainer.get(key) and trainer.get("strategy") == "ddp":
            raise UserError(f"trainer.{key}=true is for one process. Leave it out, or trainer=ddp.")
    batch_size = config["data"]["batch_size"]
    if batch_size < processes:
        raise UserError(
            f"data.batch_size={batch_size} is less than one image for each of {processes} processes. It "
            f"counts the images of all: use at least {processes}, or fewer trainer.devices."
        )


def check_evaluation(config: Mapping[str, Any]) -> None:
    """Refuses keys that `evaluate.py` would never read, and values that cannot be.

    Raises:
        UserError: naming the key.
    """
    known = keys_of_evaluation() | {"choices", "changes"}  # which `compose` adds to every config
    for key in config:
        if key not in known:
            raise UserError(f"{key} is not a key of the config.{did_you_mean(key, known)}")
    check_groups(config, ("plane", "data"), needed=True)
    check_values(config, EVALUATION_RULES)


def check_values(config: Mapping[str, Any], rules: Mapping[str, Rule] = RULES) -> None:
    """Refuses impossible values of jlml's own keys, before anything is built from them.

    Raises:
        UserError: naming the key, the value and what is allowed.
    """
    drawn = config.get("callbacks")
    drawn = drawn if isinstance(drawn, Mapping) else {}
    named = {
        key.replace("*", name): rule
        for key, rule in rules.items()
        for name in (drawn if "*" in key else [""])
    }
    for key, rule in named.items():
        value = value_at(config, key)
        if value is not ... and not rule.fits(value):
            hint = did_you_mean(shown(value), rule.words)
            raise UserError(f"{key}={in_short(shown(value))} is not possible.{hint} Use {rule.allowed}.")
