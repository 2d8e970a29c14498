"""From pydantic's errors to one sentence: the key, the value, and what is allowed."""

from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from jaxcollapse.distributions import KINDS
from jaxcollapse.errors import InputError, did_you_mean, shown
from jaxcollapse.sweep.misplaced_keys import unknown_key
from jaxcollapse.sweep.process_fields import fields, process_model

_TAG_ERRORS = ("union_tag_invalid", "union_tag_not_found")
_SINGLE = ("number", "count", "shape")  # kinds of fields whose values are no lists
_BOUNDS = {"greater_than": ">", "greater_than_equal": ">=", "less_than": "<", "less_than_equal": "<="}


def validate_field(key: str, field: str, value: Any) -> Any:
    """The validated value of one field of `[process]`; nested keys of `initial` are checked with their table."""
    if isinstance(value, np.generic):
        value = value.item()
    if "." in field:
        return value
    if isinstance(value, list) and value and key.startswith("process.") and fields()[field].kind in _SINGLE:
        raise InputError(key, f"{shown(value)}: one value is needed here; to sweep over several, give them in [axes]")
    try:
        return getattr(process_model().model_validate({field: value}), field)
    except ValidationError as error:
        raise as_input_error(error, key, within=1) from None


def as_input_error(
    error: ValidationError, prefix: str = "", *, within: int = 0, model: type[BaseModel] | None = None
) -> InputError:
    """The first of pydantic's errors as an `InputError`, its place written as a dotted key.

    prefix: what the key starts with, in place of the first `within` parts of pydantic's own. model: what was validated.
    """
    first, model = error.errors()[0], model or process_model()
    if isinstance(own := first.get("ctx", {}).get("error"), InputError):
        return own
    key = prefix
    for parent, part in list(pairwise(("", *first["loc"])))[within:]:
        if parent != "initial":  # after which pydantic names the table's kind as if it were a key
            key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if first["type"] in _TAG_ERRORS:
        key += ".kind"
    return InputError(key, _sentence(first, model))


def _sentence(error: Any, model: type[BaseModel]) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        if len(error["loc"]) == 1 and name in fields() and model is not process_model():
            return "unknown key; it belongs in [process]"
        siblings = _siblings(error, model)
        if len(error["loc"]) > 1 and model is not process_model():
            return unknown_key(name, siblings, model.model_fields, str(error["loc"][0]))
        return f"unknown key{did_you_mean(name, siblings)}"
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        return f"{shown(value)} is not allowed{did_you_mean(_word(value), _literals(context['expected']))}"
    if kind == "union_tag_invalid":
        tag = value.get("kind") if isinstance(value, dict) else value
        return f"{shown(tag)} is not allowed{did_you_mean(_word(tag), _literals(context['expected_tags']))}"
    if kind == "union_tag_not_found":
        return f"is missing; allowed: {', '.join(KINDS)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{shown(value)}: must be a table"
    if kind == "too_short":
        return "is empty; give at least one value"
    if kind in _BOUNDS:
        (bound,) = context.values()
        return f"{shown(value)}: must be {_BOUNDS[kind]} {f'{bound:g}' if isinstance(bound, float) else bound}"
    if kind == "value_error":
        message = str(context["error"])
        return f"{shown(value)}: {message}" if not isinstance(value, dict | BaseModel) else message
    message = error["msg"].replace("Input should be ", "must be ")
    return f"{shown(value)}: {message[:1].lower()}{message[1:]}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _literals(expected: str) -> list[str]:
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]


def _siblings(error: Any, model: type[BaseModel]) -> list[str]:
    place = error["loc"]
    tag = next((part for part in place if part in KINDS), None)
    if tag is not None:
        return list(KINDS[tag].model_fields)
    fields = model.model_fields
    for part in place[:-1]:
        annotation = fields[part].annotation if part in fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields
    return list(fields)
