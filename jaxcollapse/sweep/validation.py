"""From pydantic's errors to one sentence: the key, the value, and what is allowed."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from jaxcollapse.distributions import KINDS
from jaxcollapse.errors import REPORTED, Faults, InputError, did_you_mean, nearest, shown, together
from jaxcollapse.parts.field_types import FORMS_OF_SETS
from jaxcollapse.sweep.derived import Derived, check_no_circle, is_derived, parse_derived
from jaxcollapse.sweep.misplaced_keys import unknown_key
from jaxcollapse.sweep.process_fields import fields, process_model

_TAG_ERRORS = ("union_tag_invalid", "union_tag_not_found")
FORMS = ("values", "linspace", "geomspace", "zip")  # tables of values
_SINGLE = ("float_type", "int_type", "bool_type", "string_type", "literal_error", "value_error")  # errors of one value
_BOUNDS = {"greater_than": ">", "greater_than_equal": ">=", "less_than": "<", "less_than_equal": "<="}


def validate_constants(
    process: Mapping[str, Any], top: Iterable[str], faults: Faults
) -> tuple[dict[str, Any], dict[str, Derived]]:
    """The validated constants of `[process]`, and the fields that follow from others, without those that are wrong.

    `initial` is checked with the axes.

    Args:
        process: the table.
        top: the keys at the top of a sweep file.
        faults: takes the errors.
    """
    known, constants, derived = fields(), {}, {}
    for name, value in process.items():
        with faults.collected(name if name in known else nearest(name, known) or name):
            if name not in known:
                raise InputError(f"process.{name}", unknown_key(name, known, top, "process"))
            if name == "initial" and isinstance(value, list):
                raise InputError("process.initial", _several("initial", value))
            if name == "initial" and not isinstance(value, Mapping):
                raise InputError("process.initial", f"{shown(value)}: must be a table with kind and its keys")
            if is_derived(value) and name != "initial":
                derived[name] = parse_derived(f"process.{name}", name, value)
                continue
            constants[name] = value if name == "initial" else validate_field(f"process.{name}", name, value)
    with faults.collected(*derived):
        check_no_circle(derived)
    return constants, derived


def validate_field(key: str, field: str, value: Any) -> Any:
    """The validated value of one field of `[process]`; nested keys of `initial` are checked with their table."""
    if isinstance(value, np.generic):
        value = value.item()
    if "." in field:
        return value
    try:
        return getattr(process_model().model_validate({field: value}), field)
    except ValidationError as error:
        raise as_input_error(error, key, within=1) from None


def as_input_error(
    error: ValidationError, prefix: str = "", *, within: int = 0, model: type[BaseModel] | None = None
) -> InputError:
    """Pydantic's errors as an `InputError`, their places written as dotted keys.

    prefix: what the key starts with, in place of the first `within` parts of pydantic's own. model: what was validated.
    """
    return together([_error(one, prefix, within, model or process_model()) for one in error.errors()[:REPORTED]])


def _error(one: Any, prefix: str, within: int, model: type[BaseModel]) -> InputError:
    if isinstance(own := one.get("ctx", {}).get("error"), InputError):
        return own
    key = prefix
    for parent, part in list(pairwise(("", *one["loc"])))[within:]:
        # After these pydantic names the kind of a table, or the form of a list, as if it were a key.
        if parent != "initial" and part not in FORMS_OF_SETS:
            key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if one["type"] in _TAG_ERRORS:
        key += ".kind"
    value, is_own = one["input"], one["type"] == "value_error" and one["loc"][:1] == ("initial",)
    are_several = isinstance(value, list) or (isinstance(value, dict) and not value.keys().isdisjoint(FORMS[1:]))
    if (
        are_several
        and one["type"] in _SINGLE
        and not is_own
        and not key.endswith("]")
        and not key.startswith("axes.")
        and model is process_model()
    ):
        return InputError(key, _several(key.removeprefix("process."), value))
    return InputError(key, _sentence(one, model))


def _several(name: str, value: Any) -> str:
    """The message for values of an axis among the constants."""
    axis = f'"{name}"' if "." in name else name
    return f"{shown(value)}: one value is needed here; to sweep over several, make it an axis: [axes] {axis} = …"


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
