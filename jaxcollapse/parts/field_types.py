"""Types of fields: what pydantic takes as a value, and what the JSON Schema says of it."""

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from jaxcollapse.limits import MOST_COUNT, MOST_LAYERS, MOST_ORDER, MOST_TOKENS, MOST_WIDTH


def _count(value: Any) -> int | float:
    """A whole number ≥ 1, or infinity."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and value == math.inf:
        return math.inf
    if not is_number or not 1 <= value <= MOST_COUNT or value != int(value):
        raise ValueError(f"must be a whole number from 1 to {MOST_COUNT}, or inf")
    return int(value)


def _whole(most: int) -> Callable[[Any], int]:
    """A whole number from 1 to this one."""

    def checked(value: Any) -> int:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 1 <= value <= most or value != int(value):
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(value)

    return checked


def _token(value: Any) -> int | str:
    """A label, or a number from 0."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS):
        return value
    raise ValueError("must be the label of a token, or its index from 0")


# JSON Schema has no word for "whole or inf": any number from 1 on, or null, which editors make of inf.
Count = Annotated[int | float, PlainValidator(_count), WithJsonSchema({"type": ["number", "null"], "minimum": 1})]
Whole = Annotated[
    int, PlainValidator(_whole(MOST_TOKENS)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_TOKENS})
]
Width = Annotated[
    int, PlainValidator(_whole(MOST_WIDTH)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_WIDTH})
]
Layers = Annotated[
    int, PlainValidator(_whole(MOST_LAYERS)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_LAYERS})
]
Order = Annotated[
    int, PlainValidator(_whole(MOST_ORDER)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_ORDER})
]
Share = Annotated[float, Field(ge=0, le=1)]
Token = Annotated[int | str, PlainValidator(_token), WithJsonSchema({"type": ["integer", "string"], "minimum": 0})]
Tokens = Annotated[list[Token], Field(min_length=1)]
ONE_LIST, SEVERAL_LISTS = FORMS_OF_SETS = ("one list", "several lists")


def _form_of_sets(value: Any) -> str:
    has_lists = isinstance(value, list) and value and all(isinstance(entry, list) for entry in value)
    return SEVERAL_LISTS if has_lists else ONE_LIST


# A set of tokens for all rows, or a list of sets, one for each row, which may be empty.
TokenSets = Annotated[
    Annotated[Tokens, Tag(ONE_LIST)] | Annotated[list[list[Token]], Tag(SEVERAL_LISTS)],
    Discriminator(_form_of_sets),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": ["integer", "string", "array"],
                "minimum": 0,
                "items": {"type": ["integer", "string"], "minimum": 0},
            },
        }
    ),
]
PerToken = list[Annotated[float, Field(ge=-1e30, le=1e30)]]  # a number for each token
WHOLE = (Count, Whole, Width, Layers, Order, int)  # types whose values are whole numbers
