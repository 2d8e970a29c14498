"""From the text of a sweep file, or a dictionary, to plain tables, lists and values; of a bounded number and depth."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.distributions.arrays import as_numpy, as_table, is_array
from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.errors import InputError, shown
from jaxcollapse.limits import (
    MOST_DEPTH,
    MOST_ESCAPES,
    MOST_HEADERS,
    MOST_KEYS,
    MOST_LINES,
    MOST_LISTS,
    MOST_SWEEP_BYTES,
    MOST_WRITTEN,
)

_NUMBERS = (bool, int, float)
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_TWICE = re.compile(r"Cannot overwrite a value \(at (?:line (?P<line>\d+), column \d+|end of document)\)")
_BEGUN = re.compile(r"\s*(?P<name>\[[^\[\]{},=]+\]|(?:[\w.-]|\"[^\"]*\"|'[^']*')+)\s*(?:=|$)")
_HEADER = re.compile(r"^[ \t]*\[(?:[^\n]*[^,\s])?[ \t\r]*$", re.MULTILINE)  # a list's row in a line ends with a comma
_COUNTED = (
    ("\n", MOST_LINES, "lines"),
    ("=", MOST_KEYS, "keys"),
    ("{", MOST_KEYS, "tables"),
    ("[", MOST_LISTS, "lists"),
    ("\\", MOST_ESCAPES, "escapes"),
)
_INITIAL = re.compile(r"process\.initial|(?:axes|grid\[\d+\])\.initial(?:\[\d+\])?")
_LINE = re.compile(r"at line (?P<line>\d+)")
_PYTHON = re.compile(r"[=,\[]\s*(?P<word>True|False|None)\b")
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{MOST_DEPTH}}}")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        InputError: naming the file.
    """
    return parse_toml(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a sweep file, or a little more than it may have.

    Raises:
        InputError: naming the file.
    """
    try:
        return _content(path).decode("utf-8-sig")  # some editors begin a file with a mark of its byte order
    except InputError as error:
        raise InputError("", error.problem, str(path)) from None
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError("", f"cannot be read: {reason}", str(path)) from None


def _content(path: Path) -> bytes:
    """The bytes of an ordinary file, and no more than one beyond the bound.

    Pipes, devices, and what a system invents for a reader (/proc) may keep a reader waiting without end.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        is_ordinary = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        content = file.read(MOST_SWEEP_BYTES + 1) if is_ordinary else None
        if content is None or len(content) > os.fstat(file.fileno()).st_size:
            raise InputError("", "is not an ordinary file")
        return content


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The tables of a text in TOML.

    Args:
        text: a sweep file's.
        source: what messages call it.

    Raises:
        InputError: naming the source.
    """
    if problem := _too_much(text):
        raise InputError("", problem, source)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("", f"is not valid TOML: {_said(str(error), text)}", source) from None


def changed(data: dict[str, Any], change: str) -> dict[str, Any]:
    """The tables of a sweep file with one key changed.

    Args:
        data: the tables, which stay as they are.
        change: "KEY=VALUE", with dots between the parts of the key. A value that is not TOML is taken as a text.

    Raises:
        InputError: it has no key, or the key leads through a value.
    """
    key, sign, value = change.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not sign or not all(parts):
        raise InputError("set", f"{shown(change)}: must be KEY=VALUE, as in process.temperature=0.9")
    try:
        read = parse_toml(f"value = {value}", "set")["value"]
    except InputError:
        read = value.strip()
    first, *rest = parts
    if first == "axes" and len(rest) > 1:  # keys of an axis have dots of their own
        rest = [".".join(rest)]
    made = dict(data)
    table = made
    for part in [first, *rest][:-1]:
        inner = table.get(part, {})
        if not isinstance(inner, Mapping):
            raise InputError(f"set.{key}", f"{part} is a value, {shown(inner)}; it has no keys")
        table[part] = dict(inner)
        table = table[part]
    table[[first, *rest][-1]] = read
    return made


def _said(problem: str, text: str) -> str:
    """The parser's complaint; for a key that occurs twice, with the key, as far as its line is known."""
    found = _TWICE.fullmatch(problem)
    if not found:
        return problem + _of_python(problem, text)
    lines = text.splitlines()
    last = int(found["line"] or len(lines))
    for number in range(last, 0, -1):
        if begun := _BEGUN.match(lines[number - 1]):
            return f"{begun['name']} occurs twice (line {number})"
    return problem


def _of_python(problem: str, text: str) -> str:
    """A hint, if the parser stumbled over one of Python's words."""
    if found := _LINE.search(problem):
        line = text.splitlines()[int(found["line"]) - 1 :][:1]
        if word := _PYTHON.search(line[0] if line else ""):
            instead = {"True": "true", "False": "false", "None": "no null: leave the key out"}[word["word"]]
            return f"; {word['word']} is Python's; TOML has {instead}"
    return ""


def _too_much(text: str) -> str | None:
    """What of a text would keep the parser busy, for seconds or, with many parts of a key, without end."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_SWEEP_BYTES:
        return f"is longer than {MOST_SWEEP_BYTES} bytes"
    if text.count(",") + text.count("=") > 2 * MOST_WRITTEN:  # half of them may stand in strings
        return f"has more than {MOST_WRITTEN} values; read them from a file"
    for sign, most, what in _COUNTED:
        if text.count(sign) > most:
            return f"has more than {most} {what}"
    if sum(1 for _ in _HEADER.finditer(text)) > MOST_HEADERS:
        return f"has more than {MOST_HEADERS} tables"
    if _LONG_KEY.search(text):
        return f"has a key of more than {MOST_DEPTH} parts"
    return None


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """NumPy's numbers, arrays, paths, tuples and initial distributions as TOML has them; without None.

    Raises:
        InputError: there are too many values, or tables in tables.
    """
    left = MOST_WRITTEN

    def taken(number: int) -> None:
        nonlocal left
        left -= number
        if left < 0:
            raise InputError("", f"has more than {MOST_WRITTEN} values; read them from a file")

    def convert(value: Any, depth: int, key: str) -> Any:
        if depth > MOST_DEPTH:
            raise InputError("", f"nests tables or lists more than {MOST_DEPTH} deep")
        if _INITIAL.fullmatch(key) and is_array(value):
            value = list(value) if key.endswith(".initial") and not key.startswith("process") else as_table(value)
        if isinstance(value, InitialKind):
            if not (
                type(value).__module__.startswith("jaxcollapse.") or type(value).plugin
            ):  # its code is not in the sweep file
                raise InputError(
                    "initial", f"{shown(value)}: is not a kind of the package or of a plug-in; give a table"
                )
            value = value.model_dump(exclude_unset=True) | {"kind": type(value).model_fields["kind"].default}
        if isinstance(value, Mapping):
            return {
                _text(name, key): convert(entry, depth + 1, f"{key}.{name}" if key else str(name))
                for name, entry in value.items()
                if entry is not None
            }
        if is_array(value):
            value = as_numpy(value)
            taken(value.size)
            return value.tolist()
        if isinstance(value, list | tuple):  # mostly of numbers, maybe a million of them
            taken(sum(type(entry) in _NUMBERS for entry in value))
            return [
                entry if type(entry) in _NUMBERS else convert(entry, depth + 1, f"{key}[{index}]")
                for index, entry in enumerate(value)
            ]
        taken(1)
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        return value.item() if isinstance(value, np.generic) else _text(value, key)

    converted: dict[str, Any] = convert(data, 0, "")
    return converted


def _text(value: Any, key: str) -> Any:
    """A value that can be written in UTF-8, if it is a text.

    Raises:
        InputError: it cannot, since it has half a surrogate pair.
    """
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(key, f"{shown(value)} is not UTF-8 text: it has half a surrogate pair") from None
    return value
