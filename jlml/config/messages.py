"""Messages for users' mistakes that Hydra, OmegaConf or jlml find in a command or a config."""

import os
import re

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import OmegaConfBaseException

from jlml.config.instantiate import locate, options_of
from jlml.config.keys import USUAL_NAMES, choices_with, keys_of_evaluation, no_such_key
from jlml.errors import UserError, did_you_mean, first_line

# old keys of version 0.1.0 -> new keys
MOVED_KEYS = {
    "trainer.compile": "speed.compile",
    "trainer.capture": "speed.cuda_graphs",
    "trainer.onednn": "speed.onednn",
}
USER_ERRORS = (UserError, HydraException, OmegaConfBaseException)


def sentence_for(error: Exception, of_evaluation: bool = False) -> str | None:
    """The message for the user; None if the error is not the user's mistake.

    Args:
        error: the exception.
        of_evaluation: whether it is about a config of `evaluate.py`.
    """
    if isinstance(error, USER_ERRORS):
        return sentence(error, of_evaluation)
    if isinstance(error, ValueError) and "Config group override" in str(error):
        return (
            "The value of a group is the name of a choice, for example latent=d16 or scheduler=none. Set a "
            "number by its key: latent.dim=30."
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}."
    return None


def sentence(error: Exception, of_evaluation: bool = False) -> str:
    """The message for one of the `USER_ERRORS`."""
    if isinstance(error, MissingConfigException) and error.options is not None and error.missing_cfg_file:
        group, _, given = error.missing_cfg_file.rpartition("/")
        options = sorted(option for option in error.options if not option.startswith("_"))
        hint = did_you_mean(given, options)
        return f"{group}={given} is not a choice.{hint} Choose one of: {', '.join(options)}."
    if isinstance(error, OverrideParseException):
        if error.override and os.path.exists(error.override):
            key = "run" if of_evaluation else "resume"
            return f"{error.override!r} is not an override. Write {key}={error.override}."
        return (
            f"{error.override!r} is not an override. Write key=value or group=choice, for example "
            "latent.dim=10. A value with characters such as = or [ needs two pairs of quotes: 'run=\"a=b\"'."
        )
    if "Ambiguous value for argument" in str(error):
        return "Write several values as a list, key=[a,b], or sweep over them with train.py -m key=a,b."
    if isinstance(error, ConfigCompositionException) and error.__cause__ and "merging override" in str(error):
        given = str(error).rpartition(" ")[2]
        return f"{given} is invalid: {first_line(error.__cause__)}."
    unknown = re.match(r"Could not override '([^']*)'", str(error))
    if isinstance(error, ConfigCompositionException) and unknown:
        return about_unknown_key(unknown[1], of_evaluation, "Key 'search'" not in str(error))
    return " ".join(str(error).split())


def about_unknown_key(key: str, of_evaluation: bool, with_search: bool) -> str:
    """The message for a key that the composed config does not have."""
    if of_evaluation:
        hint = " Did you mean run?" if key == "ckpt_path" else did_you_mean(key, keys_of_evaluation())
        return f"{key} is not a key of an evaluation.{hint} See --cfg job for all keys."
    if not key:
        return "An override has no key. Write key=value or group=choice, for example latent.dim=10."
    if key.startswith("search.ranges.") and with_search:
        return f"{key} is not a range of this search yet. Add it with a plus: '+{key}=...'."
    if key in MOVED_KEYS:
        return f"{key} is now {MOVED_KEYS[key]}."
    group, _, option = key.partition(".")
    if group == "trainer" and option not in USUAL_NAMES and is_option_of_lightning(option):
        return f"{key} is not set by this choice of trainer. Add it with a plus: '+{key}=...'."
    needed = choices_with(key)
    if needed:
        return f"{key} is a key of {' and '.join(needed)}, which this command does not choose."
    return no_such_key(key)


def is_option_of_lightning(name: str) -> bool:
    """Whether lightning.Trainer has this option."""
    return name in (options_of(locate("lightning.Trainer", "trainer")) or {})
