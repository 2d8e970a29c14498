"""The JSON Schema that is shipped is the one of the code, and takes what the code takes.

Infinity is a number to the schema, as it is to TOML, or null, as to taplo: the program behind editors' support of TOML.
"""

import math
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from jaxcollapse.distributions import KINDS
from jaxcollapse.errors import InputError
from jaxcollapse.sweep import schema
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.sweep import Sweep, keys
from jaxcollapse.sweep.validation import validate_field
from jaxcollapse.system.shipped_sweeps import copy_example
from tests.sweep.strategies import Table, sweeps

SCHEMA = schema.schema()
VALIDATOR = Draft202012Validator(SCHEMA)
SHIPPED = sorted(Path(__file__).parents[2].glob("sweeps/*.toml"))


def complaints(table: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(table)]


def test_the_shipped_file_is_up_to_date() -> None:
    """If not: python -m jaxcollapse.sweep.schema."""
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()


def test_it_is_a_schema_that_editors_know() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sweeps_validate_and_point_to_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert complaints(tomllib.loads(text)) == []
    first = text.splitlines()[0]
    assert first.startswith("#:schema ")
    assert (path.parent / first.removeprefix("#:schema ")).resolve() == schema.PATH


def taplo(*paths: Path) -> str:
    """What taplo complains about, in files that name their schema."""
    command = [Path(sys.executable).with_name("taplo"), "lint", "--colors", "never", *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == ("error:" not in result.stderr), result.stderr
    return "" if result.returncode == 0 else result.stderr


def test_editors_accept_every_shipped_sweep() -> None:
    assert any("inf" in path.read_text(encoding="utf-8") for path in SHIPPED)
    assert taplo(*SHIPPED) == ""


def test_editors_check_a_copy_against_the_installed_schema(tmp_path: Path) -> None:
    copy, *_ = copy_example("quickstart", tmp_path)
    assert taplo(copy) == ""
    for good, bad in (("temperature =", "temprature ="), ("batch_size = [1", "batch_size = [0"), ("= 16", "= inf")):
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(copy.read_text(encoding="utf-8").replace(good, bad, 1), encoding="utf-8")
        assert taplo(wrong), bad


def with_null(value: Any) -> Any:
    """The tables as taplo has them: null in place of inf."""
    if isinstance(value, dict):
        return {key: with_null(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_null(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(table=sweeps())
def test_every_valid_sweep_validates_in_editors(table: Table) -> None:
    assert complaints(with_null(table)) == []


@pytest.mark.parametrize(
    "table",
    [
        {"process": {"learning_rate": {"times": "batch_size", "by": {"over": "temperature", "by": 1}}}},
        {"axes": {"learning_rate": {"times": "batch_size", "by": {"geomspace": [0.1, 1.0, 3]}}}},
        {"axes": {"optimizer": ["sgd", "adam"], "b1": {"values": [0.9, 0.99], "where": {"optimizer": "adam"}}}},
        {"axes": {"design": {"sobol": {"temperature": [0.8, 1.2], "log learning_rate": [0.1, 1]}, "points": 4}}},
        {"axes": {"tied": {"zip": {"temperature": [0.8, 1.2]}, "where": {"vocab_size": 256}}}},
        {"grid": [{"temperature": [1.0]}, {"points": {"temperature": [0.5, 0.6], "batch_size": [1, 2]}}]},
    ],
    ids=str,
)
def test_all_forms_validate_in_editors_and_in_the_program(table: Table) -> None:
    assert complaints(table) == []
    Sweep.from_dict(table)


@pytest.mark.parametrize("name", [name for name, field in fields().items() if field.type is float])
def test_a_number_may_be_infinite_in_editors_if_it_may_be(name: str) -> None:
    try:
        validate_field(f"process.{name}", name, math.inf)
    except InputError:
        assert complaints({"process": {name: None}})
    else:
        assert complaints({"process": {name: None}}) == []


@given(table=sweeps())
def test_every_valid_sweep_validates(table: Table) -> None:
    assert complaints(table) == []


@pytest.mark.parametrize(
    "table",
    [
        {"sed": 1},
        {"record": {"evry": 1}},
        {"process": {"temprature": 1.0}},
        {"process": {"initial": {"kind": "zipf", "shift": 1.0}}},
        {"process": {"initial": {"kind": "zipff"}}},
        {"axes": {"temprature": [1.0]}},
        {"axes": {"temperature": {"linspce": [0.5, 1.0, 3]}}},
        {"axes": {"tied": {"zip": {"temprature": [1.0]}}}},
        {"seed": -1},
        {"replicates": 0},
        {"observables": []},
        {"process": {"temperature": "hot"}},
        {"process": {"temperature": -1}},
        {"process": {"batch_size": "inf"}},
        {"process": {"vocab_size": 0}},
        {"process": {"optimizer": "sdg"}},
        {"axes": {"temperature": []}},
        {"axes": {"temperature": [-1.0]}},
        {"axes": {"temperature": {"linspace": [0.5, 1.0]}}},
        {"process": {"learning_rate": {"times": "batch_size"}}},
        {"axes": {"temperature": {"values": [1.0], "were": {"optimizer": "adam"}}}},
        {"axes": {"design": {"sobol": {"temprature": [0.5, 1.0]}, "points": 4}}},
        {"axes": {"design": {"sobol": {"temperature": [0.5, 1.0]}}}},
        {"grid": [{"temprature": [1.0]}]},
    ],
    ids=str,
)
def test_what_no_sweep_may_say_is_refused(table: Table) -> None:
    assert complaints(table)
    with pytest.raises(InputError, match=next(iter(table))):
        Sweep.from_dict(table)


def test_every_key_is_in_it_with_a_description() -> None:
    top = SCHEMA["properties"]
    assert set(top) == set(keys())
    assert set(top["process"]["properties"]) == set(fields())
    assert all(entry["description"].endswith(".") for entry in (*top.values(), *top["process"]["properties"].values()))
    for kind, model in KINDS.items():
        table = SCHEMA["$defs"][model.__name__]
        assert table["description"]
        assert set(table["properties"]) == set(model.model_fields)
        assert table["properties"].pop("kind")["const"] == kind
        assert all(key["description"].endswith(".") for key in table["properties"].values())


def test_every_field_can_be_an_axis_of_it() -> None:
    axes = SCHEMA["properties"]["axes"]["properties"]
    nested = {f"initial.{key}" for kind in KINDS.values() for key in kind.model_fields}
    assert set(axes) == set(fields()) | nested
    for field in fields():
        assert SCHEMA["$defs"][f"axis {field}"]["description"] == fields()[field].description
