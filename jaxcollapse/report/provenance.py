"""Where the numbers of a dataset are from, for people to read."""

import json
from typing import Any

import xarray as xr

from jaxcollapse.errors import printable


def provenance_of(data: xr.Dataset) -> list[tuple[str, str]]:
    """What a dataset says of its making, a line for each key; nothing where that is not a JSON object."""
    try:
        told = json.loads(data.attrs.get("provenance", "{}"))
    except ValueError:
        return []
    entries = told.items() if isinstance(told, dict) else ()
    return [(printable(key), printable(_text(key, value))) for key, value in entries]


def _text(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list):
        return (" " if key == "command" else ", ").join(map(str, value))
    return str(value)
