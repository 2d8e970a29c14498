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
    definitions = {**whole.pop("$defs", {}), **process.pop("$defs", {})}
    process["title"], process["description"] = "Constants", "Fields that are not swept."
    nested = [f"initial.{key}" for kind in KINDS.values() for key in kind.model_fields]
    fields = {**process["properties"], **{key: {"description": "Nested key of initial."} for key in nested}}
    definitions.update({f"axis {name}": _axis(field) for name, field in fields.items()})
    references = {name: {"$ref": f"#/$defs/axis%20{name}"} for name in fields}
    zipped = {"type": "object", "minProperties": 1, "properties": references, "additionalProperties": False}
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "jaxcollapse sweep"
    whole["$defs"] = definitions
    whole["properties"]["process"] = process
    whole["properties"]["axes"] = {
        "title": "Axes",
        "description": "What is swept: each key becomes a dimension of the dataset, in this order.",
        "type": "object",
        "properties": references,
        "patternProperties": {r"^initial\.select\.": _axis({})},
        "additionalProperties": {
            "type": "object",
            "description": "Several fields along one dimension.",
            "required": ["zip"],
            "additionalProperties": False,
            "properties": {"zip": zipped},
        },
    }
    return _without_infinity(whole)


def _axis(field: dict[str, Any]) -> dict[str, Any]:
    ends = {"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "number"}}
    spaced = {**ends, "description": "[first, last, number of values]"}
    value = {key: entry for key, entry in field.items() if key not in ("description", "default")}
    forms = [
        {"type": "object", "required": [form], "additionalProperties": False, "properties": {form: spaced}}
        for form in ("linspace", "geomspace")
    ]
    return {
        "description": field.get("description", ""),
        "anyOf": [{"type": "array", "minItems": 1, "items": value}, *forms],
    }


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
