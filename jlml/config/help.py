"""The text of --help."""

from collections.abc import Sequence
from string import Template

from omegaconf import OmegaConf

from jlml.config.check import annotated, choices, find_field
from jlml.config.compose import CONF, task_and_hydra
from jlml.config.schema import Evaluate, Train

COLUMN = 44  # where the meanings begin


def help_text(config_name: str, overrides: Sequence[str]) -> str:
    """Header, choices, every key with its meaning, and footer.

    Hydra fills in its template in .7 s, because it copies its whole store for each group. This takes .2 s.
    """
    task, hydra = task_and_hydra(overrides, config_name)
    lines = OmegaConf.to_yaml(task).splitlines()
    explained = "\n".join(with_meanings(lines, Evaluate if config_name == "evaluate" else Train))
    return Template(hydra.help.template).substitute(APP_CONFIG_GROUPS=groups_and_choices(), CONFIG=explained)


def with_meanings(lines: Sequence[str], schema: type[Train] | type[Evaluate]) -> list[str]:
    """The lines of a YAML file, each key with its meaning behind it."""
    explained: list[str] = []
    place: list[str] = []
    for line in lines:
        name = line.strip().partition(":")[0]
        depth = (len(line) - len(line.lstrip())) // 2
        meaning = ""
        if not line.lstrip().startswith("-"):
            place = [*place[:depth], name]
            names, field = find_field(schema, place)
            if field is not None and names == place and name != "_target_":
                meaning, options = field.description or "", choices(annotated(field))
                if not all(option in meaning for option in options):
                    meaning += f" ({', '.join(options)})"
        explained.append(f"{line:{COLUMN - 2}}  # {meaning}" if meaning else line)
    return explained


def groups_and_choices() -> str:
    """A line for each group with its choices, without Hydra's own."""
    files = [file for file in CONF.glob("*/*.yaml") if file.parent.name != "hydra"]
    groups = sorted({file.parent.name for file in files})
    options = {group: sorted(file.stem for file in files if file.parent.name == group) for group in groups}
    return "".join(f"{group}: {', '.join(names)}\n" for group, names in options.items())
