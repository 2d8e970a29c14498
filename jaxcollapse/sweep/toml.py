"""Writing a sweep as TOML. Axes are inline tables, since their order is the order of the dimensions."""

import json
from collections.abc import Mapping
from typing import Any

import tomlkit

from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_SWEEP_BYTES


def as_toml(data: Mapping[str, Any]) -> str:
    """The text of a sweep file.

    Raises:
        InputError: it would be longer than what is read.
    """
    lines = [_line(key, value) for key, value in data.items() if key not in ("process", "axes", "grid")]
    for section in ("process", "axes"):
        if data.get(section):
            lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
            lines += [_line(key, value) for key, value in data[section].items()]
    for table in data.get("grid", ()):
        lines += ["", "[[grid]]", *(_line(key, value) for key, value in table.items())]
    text = "".join(f"{line}\n" for line in lines)
    if len(text.encode()) > MOST_SWEEP_BYTES:
        raise InputError("", f"is longer than {MOST_SWEEP_BYTES} bytes as a sweep file; read p0 from a file")
    return text


def _line(key: str, value: Any) -> str:
    return f"{tomlkit.key(key).as_string()} = {_inline(value)}"


def _inline(value: Any) -> str:
    """A value in one line. tomlkit would take a time that grows with the square of the length of a list."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(_line(name, entry) for name, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return tomlkit.item(value).as_string()
