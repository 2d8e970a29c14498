"""The JSON Schema of the sweep file, so that editors complete and check it. Shipped as `sweep.schema.json`.

TOML has inf, which JSON lacks. Editors (taplo) make it null before they validate, so the schema allows null where a
field allows inf.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import FloatSchema

from jaxcollapse.distributions import KINDS
from jaxcollapse.sweep.axes import POINTS
from jaxcollapse.sweep.derived import OPERATIONS
from jaxcollapse.sweep.designs import DESIGNS, FROM_FILE
from jaxcollapse.sweep.process_fields import process_model
from jaxcollapse.sweep.sweep import Sweep

PATH = Path(__file__).with_name("sweep.schema.json")


class _WithInfinity(GenerateJsonSchema):
    """Allows null for a number that may be infinite."""

    def float_schema(self, schema: FloatSchema) -> JsonSchemaValue:
        made = super().float_schema(schema)
        bounded = {"ge", "gt"} & schema.keys() and {"le", "lt"} & schema.keys()
        return made if bounded or not schema.get("allow_inf_nan", True) else {**made, "type": ["number", "null"]}


def schema() -> dict[str, Any]:
    """The schema, from the same models that validate a file."""
    whole, process = (each.model_json_schema(schema_generator=_WithInfinity) for each in (Sweep, process_model()))
    definitions = {**whole.pop("$defs", {}), **process.pop("$defs", {}), **_COMMON}
    process["title"], process["description"] = "Constants", "Fields that are not swept."
    nested = [f"initial.{key}" for kind in KINDS.values() for key in kind.model_fields]
    fields = {**process["properties"], **{key: {"description": "Nested key of initial."} for key in nested}}
    references = {name: _reference(f"axis {name}") for name in fields}
    for name, field in fields.items():
        definitions |= {f"values {name}": _values(field), f"axis {name}": _axis(field, _reference(f"values {name}"))}
    definitions["columns"] = _table(references, least=1)
    definitions["ranges"] = {
        **_table({f"{log}{name}": _reference("range") for name in fields for log in ("", "log ")}, least=1),
        "description": 'The range of each field; "log FIELD" is spread evenly in its logarithm.',
    }
    process["properties"] = {name: _or_derived(field) for name, field in process["properties"].items()}
    axes = {
        "title": "Axes",
        "description": "What is swept: each key becomes a dimension of the dataset, in this order.",
        "type": "object",
        "properties": references,
        "patternProperties": {r"^initial\.select\.": _axis({}, _values({}))},
        "additionalProperties": _reference("several"),
    }
    points = {**_reference("columns"), "description": "Single cells: lists of one length, one for each field."}
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "jaxcollapse sweep"
    whole["$defs"] = definitions
    whole["properties"] |= {"process": process, "axes": axes}
    whole["properties"]["grid"]["items"] = {**axes, "title": "Grid", "properties": {**references, POINTS: points}}
    return _without_infinity(whole)


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name.replace(' ', '%20')}"}


def _table(properties: dict[str, Any], *required: str, least: int = 0) -> dict[str, Any]:
    made = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, **({"required": list(required)} if required else {}), **({"minProperties": least} if least else {})}


def _form(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """A table that gives the values of an axis, maybe under conditions."""
    return _table({**properties, "where": _reference("where")}, *(required or properties))


_NUMBERS = {"type": "array", "items": {"type": "number"}}
_OPERAND: dict[str, Any] = {"anyOf": [{"type": ["string", "number"]}, _reference("derived")]}
_COMMON: dict[str, Any] = {
    "derived": {
        **_table(dict.fromkeys((*OPERATIONS, "by"), _OPERAND), "by"),
        "description": "A number that follows from other fields: by × field, field + by, or by / field.",
    },
    "where": {
        "type": "object",
        "description": "The values that other fields must have for a cell to take its value from this axis.",
        "minProperties": 1,
    },
    "range": {**_NUMBERS, "minItems": 2, "maxItems": 2, "description": "[least, greatest]"},
    "spaced": {**_NUMBERS, "minItems": 3, "maxItems": 3, "description": "[first, last, number of values]"},
    "linspace": _form({"linspace": _reference("spaced")}),
    "geomspace": _form({"geomspace": _reference("spaced")}),
    "followed": _form(
        {
            **dict.fromkeys(OPERATIONS, _OPERAND),
            "by": {"anyOf": [{**_NUMBERS, "minItems": 1}, _reference("linspace"), _reference("geomspace")]},
        },
        "by",
    ),
    "several": {
        "description": "Several fields along one dimension.",
        "anyOf": [
            _form({"zip": _reference("columns")}),
            *(
                _form(
                    {
                        kind: _reference("ranges"),
                        "points": {"type": "integer", "minimum": 1, "description": "Number of points."},
                        "seed": {"type": "integer", "minimum": 0, "description": "Seed of the points; by default 0."},
                    },
                    kind,
                    "points",
                )
                for kind in DESIGNS
            ),
            _form(
                {
                    FROM_FILE: {
                        "type": "string",
                        "description": "A csv, tsv or netCDF file with a column for each field.",
                    },
                    "fields": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "The columns to read; by default all.",
                    },
                },
                FROM_FILE,
            ),
        ],
    },
}


def _or_derived(field: dict[str, Any]) -> dict[str, Any]:
    """A field that has a number may follow from others."""
    text = str(field)
    if "array" in text or ("'number'" not in text and "'integer'" not in text):
        return field
    told = {name: entry for name, entry in field.items() if name in ("description", "default", "title")}
    value = {name: entry for name, entry in field.items() if name not in told}
    return {**told, "anyOf": [value, _reference("derived")]}


def _values(field: dict[str, Any]) -> dict[str, Any]:
    value = {key: entry for key, entry in field.items() if key not in ("description", "default")}
    return {"type": "array", "minItems": 1, "items": value}


def _axis(field: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    forms = [_form({"values": values}), *map(_reference, ("linspace", "geomspace", "followed"))]
    return {"description": field.get("description", ""), "anyOf": [values, *forms]}


def _without_infinity(schema: Any) -> Any:
    """The schema less defaults and bounds that JSON cannot write."""
    if isinstance(schema, dict):
        return {key: _without_infinity(entry) for key, entry in schema.items() if entry != float("inf")}
    return [_without_infinity(entry) for entry in schema] if isinstance(schema, list) else schema


def text() -> str:
    """The content of the shipped file."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
