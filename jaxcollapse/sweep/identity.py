"""What identifies a cell: hashes of the values of its fields, of files by their content."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jaxcollapse.distributions.allowed_paths import readable
from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.distributions.file import File
from jaxcollapse.errors import InputError, shown


def fingerprint(value: Any) -> Any:
    """What of a value identifies it: numbers as floats, files by their content, tables without their defaults."""
    if isinstance(value, BaseModel):
        table = value.model_dump(exclude_defaults=True)
        table["kind"] = getattr(value, "kind", None)
        if isinstance(value, InitialKind) and value.paths:
            digests = [content_digest(path) for path in value.input_files()]
            table["path"] = digests if isinstance(table["path"], list) else digests[0]
        if isinstance(value, File):
            table.pop("labels", None)  # names of tokens change no number
            if meaning := value.read_anew():
                table["values"] = meaning
        return {key: fingerprint(entry) for key, entry in sorted(table.items())}
    if isinstance(value, Mapping):
        return {key: fingerprint(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list):
        return [fingerprint(entry) for entry in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value) + 0.0)  # -0.0 is 0.0
    return value


def content_digest(path: Path) -> str:
    """SHA-256 of a file that a distribution is read from."""
    try:
        with readable(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("process.initial.path", f"{shown(str(path))} cannot be read: {error.strerror}") from None


def without(value: Any, field: str, leave_out: frozenset[str]) -> Any:
    """A fingerprint less the nested keys that are left out."""
    if not isinstance(value, dict):
        return value
    return {
        key: without(entry, f"{field}.{key}", leave_out)
        for key, entry in value.items()
        if f"{field}.{key}" not in leave_out
    }


def stable_hash(name: str, value: Any) -> int:
    """64 bits of SHA-256 that follow from a name and a JSON value alone."""
    text = json.dumps([name, value], sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
