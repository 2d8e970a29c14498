"""The values that a key of a sweep file may have, in words."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError


def allowed(model: type[BaseModel], key: str) -> str:
    """The type and the range of a key, such as "number ≥ 0, or `inf`".

    Args:
        model: the model that validates the key.
        key: its name in Python.
    """
    info = model.model_fields[key]
    values: Any = Annotated[info.annotation, info]

    def takes(value: float) -> bool:
        try:
            TypeAdapter(values, config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError:
            return False
        return True

    return _in_words(_properties(model)[info.alias or key], takes)


@lru_cache(maxsize=8)
def _properties(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of each key."""
    return dict(model.model_json_schema()["properties"])


def _in_words(schema: dict[str, Any], takes: Callable[[float], bool]) -> str:
    kind = schema.get("type")
    if "anyOf" in schema or isinstance(kind, list):
        forms = schema.get("anyOf") or [{**schema, "type": each} for each in schema["type"]]
        return ", or ".join(_in_words(form, takes) for form in forms if form.get("type") != "null")
    if "enum" in schema:
        *most, last = (f"`{word}`" for word in schema["enum"])
        return f"{', '.join(most)} or {last}" if most else last
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    if kind == "array":
        return f"list; each entry: {_in_words(schema['items'], math.isfinite)}"
    if kind in ("integer", "number"):
        return _number(schema, takes)
    return {"boolean": "`true` or `false`", "string": "text"}.get(str(kind), "table")


def _number(schema: dict[str, Any], takes: Callable[[float], bool]) -> str:
    """JSON Schema has neither infinity nor "whole, or infinity": the validator is asked for these."""
    is_whole = schema["type"] == "integer" or not (takes(0.5) or takes(1.5))
    at_least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    at_most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if at_least is not None and at_most is not None:
        bounds = [f"from {_written(at_least)} to {_written(at_most)}"]
    else:
        signs = (("≥", at_least), (">", above), ("≤", at_most), ("<", below))
        bounds = [" and ".join(f"{sign} {_written(bound)}" for sign, bound in signs if bound is not None)]
    words = " ".join(["whole number" if is_whole else "number", *filter(None, bounds)])
    return f"{words}, or `inf`" if takes(math.inf) else words


def _written(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
