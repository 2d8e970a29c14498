"""A rule for replicates in a sweep file: what it may say, and what a sweep makes of it."""

import json
import pickle
import tomllib
from typing import Any

import jsonschema
import pytest

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.sweep.schema import schema

RULE: dict[str, Any] = {"until": {"entropy": 0.1, "share_forgetting": 0.05}, "most": 256}


def sweep_of(rule: Any, **changed: Any) -> jc.Sweep:
    return jc.Sweep.from_dict({"generations": 4, **changed, "replicates": rule})


def test_a_rule_is_kept_as_it_was_written_and_its_most_is_the_number() -> None:
    sweep = sweep_of(RULE)
    assert sweep.replicates == sweep.trajectories == 256
    assert sweep.stopping is not None
    assert (dict(sweep.stopping.until), sweep.stopping.least) == (RULE["until"], 64)
    assert sweep.to_dict()["replicates"] == tomllib.loads(sweep.to_toml())["replicates"] == RULE
    for again in (jc.Sweep.from_dict(tomllib.loads(sweep.to_toml())), pickle.loads(pickle.dumps(sweep))):
        assert again == sweep
        assert again.stopping == sweep.stopping
    assert sweep.with_places(70).replicates == 70
    assert sweep.with_places(70).to_toml() == sweep.to_toml()
    assert sweep.replicates == 256
    assert sweep.replace(replicates=8).stopping is None
    assert sweep != sweep.replace(replicates=256)
    with pytest.raises(TypeError, match="a sweep cannot be changed"):
        sweep.stopping.until["entropy"] = 1.0


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"until": {"share_forgoten": 0.1}}, "replicates.until.share_forgoten: is not .* 'share_forgetting'"),
        ({"until": {"entropi": 0.1}}, "replicates.until.entropi: is not an observable of the sweep .* 'entropy'"),
        ({"until": {"entropy": 0.0}}, "replicates.until.entropy: 0.0: must be > 0"),
        ({"until": {"entropy": float("inf")}}, "replicates.until.entropy: inf: must be a finite number"),
        ({"until": {}}, "replicates.until: is empty"),
        ({"least": 5}, "replicates.until: is missing"),
        ({**RULE, "lest": 3}, "replicates.lest: unknown key .* 'least'"),
        ({**RULE, "least": 1}, "replicates.least: 1: must be >= 2"),
        ({**RULE, "most": 50}, "replicates.least: 64, its default: must be at most replicates.most, 50"),
        ({**RULE, "least": 2.5}, "replicates.least: 2.5: must be a valid integer"),
        ({"until": {"pass_at_k": 0.1}}, "replicates.until.pass_at_k: has several values"),
        ({**RULE, "most": 10**9}, "replicates.most: 1000000000: makes 1,000,000,000 trajectories"),
        (0, "replicates: 0: must be >= 1"),
        (["many"], r"replicates: \['many'\]: must be a valid integer"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_what_is_allowed(rule: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        sweep_of(rule, observables=["all"])


def test_a_share_of_a_verdict_needs_what_verdicts_need() -> None:
    with pytest.raises(InputError, match="share_cooled: needs the observables smoothed_kl_to_initial, "):
        sweep_of({"until": {"share_cooled": 0.1}}, observables=["entropy"])
    sweep_of({"until": {"share_cooled": 0.1}}, observables=["verdict"])
    with pytest.raises(InputError, match="share_cooled: needs the observables shared_smoothed"):
        sweep_of({"until": {"share_cooled": 0.1}}, observables=["modal_probability"], process={"model": "persona"})


def test_the_schema_allows_a_number_or_a_rule() -> None:
    shipped = json.loads(json.dumps(schema()))
    jsonschema.validate({"replicates": 8}, shipped)
    jsonschema.validate({"replicates": RULE}, shipped)
    for wrong in ({"until": {}}, {"until": {"entropy": 0.1}, "lest": 3}, 0, "many"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"replicates": wrong}, shipped)
