"""The text of --help."""

from collections.abc import Sequence
from string import Template

from omegaconf import OmegaConf

from jlml.config.check import annotated, choices, find_field
from jlml.config.compose import task_and_hydra
from jlml.config.keys import CONF
from jlml.config.schema import Evaluate, Train

COLUMN = 44  # column of the meanings


def help_text(config_name: str, overrides: Sequence[str]) -> str:
    """The help page: header, choices, every key with its meaning, and footer.

    Hydra takes .7 s to fill in its template, because it copies its config store for each group. This takes
    .2 s.
    """
    task, hydra = task_and_hydra(overrides, config_name)
    lines = OmegaConf.to_yaml(task).splitlines()
    explained = "\n".join(with_meanings(lines, Evaluate if config_name == "evaluate" else Train))
    return Template(hydra.help.template).substitute(APP_CONFIG_GROUPS=groups_and_choices(), CONFIG=explained)


def with_meanings(lines: Sequence[str], schema: type[Train] | type[Evaluate]) -> list[str]:
    """Appends to each key in the lines of a YAML file its meaning, as a comment."""
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
    """One line per config group with its choices, without Hydra's own groups."""
    files = [file for file in CONF.glob("*/*.yaml") if file.parent.name != "hydra"]
    groups = sorted({file.parent.name for file in files})
    options = {group: sorted(file.stem for file in files if file.parent.name == group) for group in groups}
    return "".join(f"{group}: {', '.join(names)}\n" for group, names in options.items())
