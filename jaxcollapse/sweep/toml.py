"""Writing a sweep as TOML. Axes are inline tables, since their order is the order of the dimensions."""

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.items import Item


def as_toml(data: Mapping[str, Any]) -> str:
    """The text of a sweep file."""
    document = tomlkit.document()
    sections = [key for key in ("process", "axes") if data.get(key)]
    for key, value in data.items():
        if key not in ("process", "axes"):
            document.add(key, _item(value))
    for key in sections:
        table = tomlkit.table()
        for name, value in data[key].items():
            table.add(tomlkit.key(name), _item(value))
        document.add(key, table)
    return tomlkit.dumps(document)


def _item(value: Any) -> Item:
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for name, entry in value.items():
            table.add(tomlkit.key(name), _item(entry))
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for entry in value:
            array.append(_item(entry))
        return array
    return tomlkit.item(value)
