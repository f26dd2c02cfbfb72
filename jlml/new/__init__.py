"""Writes a small project of one's own: ``python -m jlml.new my_project``."""

import keyword
import shutil
from pathlib import Path

from jlml.errors import UserError

TEMPLATE = Path(__file__).parent / "template"
NAME = "my_project"  # stands for the project's name in the template


def new_project(folder: Path) -> None:
    """Writes a project with a model, a loss, a config, a test and a README, which runs at once.

    Args:
        folder: folder to create. Its name is that of the project's package.

    Raises:
        UserError: the name is not that of a package, or the folder exists or cannot be written.
    """
    name = folder.name
    if not name.isidentifier() or keyword.iskeyword(name) or name in ("jlml", "conf", "outputs"):
        raise UserError(
            f"{name or folder} is not a name of a package: expected letters, digits and _, such as {NAME}."
        )
    try:
        shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / NAME).rename(folder / f"{name}_")  # in two steps: a name can differ in its case only
        (folder / f"{name}_").rename(folder / name)
        for file in folder.rglob("*.*"):
            if file.is_file():
                file.write_text(file.read_text().replace(NAME, name))
    except FileExistsError as error:
        raise UserError(f"{folder} exists. Choose a new folder.") from error
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error
