"""The words for the values of a key agree with what the models take."""

import math
import re

import pytest
from pydantic import BaseModel, ValidationError

from jaxcollapse.distributions import KINDS
from jaxcollapse.sweep.allowed import allowed
from jaxcollapse.sweep.process_fields import fields, process_model
from jaxcollapse.sweep.record import Record
from jaxcollapse.sweep.sweep import Sweep

SINGLE = [name for name in fields() if not re.match("list|table|text", allowed(process_model(), name))]


def _takes(name: str, value: object) -> bool:
    try:
        process_model().model_validate({name: value})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        (process_model(), "temperature", "number ≥ 0, or `inf`"),
        (process_model(), "learning_rate", "number ≥ 0"),
        (process_model(), "top_p", "number > 0 and ≤ 1"),
        (process_model(), "samples", "whole number ≥ 1, or `inf`"),
        (process_model(), "hidden_layers", "whole number from 1 to 64"),
        (process_model(), "end_token", "whole number ≥ 0, or text"),
        (process_model(), "scores", "list; each entry: number from -1e+30 to 1e+30"),
        (process_model(), "initial", "table"),
        (process_model(), "update", "`gradient`, `policy_gradient` or `refit`"),
        (KINDS["file"], "labels", "text, or `false`"),
        (Record, "logits", "`true` or `false`"),
        (Sweep, "title", "text"),
    ],
)
def test_values_are_said_in_words(model: type[BaseModel], key: str, words: str) -> None:
    assert allowed(model, key) == words


@pytest.mark.parametrize("name", SINGLE)
def test_words_agree_with_the_validator(name: str) -> None:
    words = allowed(process_model(), name)
    if words.startswith("`"):
        choices = re.findall("`(.*?)`", words)
        values: list[object] = [word == "true" for word in choices] if "true" in choices else list(choices)
        assert all(_takes(name, value) for value in values)
        assert not _takes(name, "no such choice")
        return
    assert _takes(name, math.inf) == ("`inf`" in words)
    assert _takes(name, 1.5) <= ("whole" not in words)
    for low, high in re.findall(r"from (\S+) to ([^, ]+(?:,\d{3})*)", words):
        ends = [float(each.replace(",", "")) for each in (low, high)]
        kind = int if "whole" in words else float
        assert all(_takes(name, kind(end)) for end in ends)
        assert not any(_takes(name, kind(beyond)) for beyond in (ends[0] - 1, ends[1] + 1))
    for sign, bound in re.findall("([≥>≤<]) (-?[0-9.]+)", words):
        assert _takes(name, int(bound) if "whole" in words else float(bound)) == (sign in "≥≤")
