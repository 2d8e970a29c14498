"""The sweep file of a study. It may be edited; its first and last lines show whether it has lost its end."""

import re
from pathlib import Path

from jaxcollapse.errors import InputError
from jaxcollapse.store.extension import FORMAT
from jaxcollapse.sweep.reading import parse_toml, read_text
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.atomic import replacing

NAME = "sweep.toml"
_FIRST = "# The sweep of this study. You may edit it. The last line shows that the file is complete."
_LAST = "# End of the sweep."
_TOLD_FORMAT = re.compile(r'\s*\{\s*"format":\s*(\d{1,9})\b')
_HEAD = 1000  # bytes of plan.json, at the beginning of which the format is


def write(folder: Path, sweep: Sweep) -> None:
    """Writes a study's sweep file."""
    with replacing(folder / NAME) as temporary:
        temporary.write_text(f"{_FIRST}\n{sweep.to_toml()}{_LAST}\n", encoding="utf-8")


def read(folder: Path) -> Sweep:
    """The sweep of a study.

    Raises:
        InputError: its file is damaged, or no sweep file.
    """
    path = folder / NAME
    text = read_text(path)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not any(line for line in lines if not line.startswith("#")) and lines[-1:] != [_LAST]:
        raise InputError("", f"is damaged: it is empty; {_remedy(folder)}", str(path))
    if lines[0] == _FIRST and lines[-1] != _LAST:
        raise InputError("", f"is damaged: its end is missing; {_remedy(folder)}", str(path))
    try:
        return Sweep.from_dict(parse_toml(text, str(path)), folder=folder / "inputs")
    except InputError as error:
        raise error.of(str(path)) from None


def _remedy(folder: Path) -> str:
    return f"restore it, or run the sweep's own file again with --out {folder}"


def check_format(folder: Path) -> None:
    """Whether a study is in the format of this version of the package.

    Raises:
        InputError: a later version has written it.
    """
    plan = folder / "plan.json"
    if not plan.is_file():
        return
    with plan.open("rb") as file:
        told = _TOLD_FORMAT.match(file.read(_HEAD).decode(errors="replace"))
    if told is not None and int(told[1]) > FORMAT:
        problem = f"is in format {told[1]}, of a later jaxcollapse; this one reads format {FORMAT}: install a later one"
        raise InputError("", problem, str(folder))
