"""Names of tokens: any text can be stored and read back, and different tokens have different names."""

from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.distributions.labels import as_names
from tests.support.sweeps import run


def values(tokens: list[str]) -> dict[str, Any]:
    return {"kind": "values", "probabilities": [1.0] * len(tokens), "tokens": tokens}


@pytest.mark.parametrize(
    ("tokens", "stored"),
    [
        (["a\0", "a", "a\0b"], ["a\\x00", "a", "a\\x00b"]),
        (["a\nb", "", " a", "é" * 250], ["a\nb", "", " a", "é" * 250]),
        (["a", "b", "a", "a (2)", "a"], ["a", "b", "a (3)", "a (2)", "a (4)"]),
    ],
)
def test_labels_are_in_the_dataset_as_they_are_or_as_the_rule_says(
    tokens: list[str], stored: list[str], tmp_path: Path
) -> None:
    data = run({"initial": values(tokens)}, generations=0, replicates=1, record={"logits": True})
    assert data.token.values.tolist() == stored
    data.coords.to_dataset().to_netcdf(tmp_path / "labels.nc")
    with xr.open_dataset(tmp_path / "labels.nc") as file:
        assert file.token.values.tolist() == stored


def test_half_a_surrogate_pair_is_escaped_in_a_file_and_refused_in_a_sweep() -> None:
    assert as_names(["\ud800", "a"]).tolist() == ["\\ud800", "a"]
    with pytest.raises(jc.InputError, match=r"process\.initial\.tokens\[0\]: .*is not UTF-8 text"):
        jc.Sweep.from_dict({"process": {"initial": values(["\ud800", "a"])}})


def test_labels_that_differ_between_cells_stand_beside_the_dimension() -> None:
    tables = [
        {"kind": "table", "probabilities": [[1, 1], [1, 2]], "personas": names, "tokens": tokens}
        for names, tokens in ((["x", "y"], ["a", "b"]), (["v", "w"], ["a", "c"]))
    ]
    data = run(
        {"model": "persona", "trace_length": 2},
        {"initial": tables},
        generations=0,
        replicates=1,
        record={"logits": True},
        observables=["persona_mass"],
    )
    assert data.token_label.values.tolist() == [["a", "b"], ["a", "c"]]
    assert data.persona_label.values.tolist() == [["x", "y"], ["v", "w"]]
    assert data.context_label.values.tolist() == [["(persona)", "x", "y"], ["(persona)", "v", "w"]]
    assert data.persona.values.tolist() == [0, 1]


def test_languages_that_differ_between_cells_stand_beside_the_dimension() -> None:
    kinds = [{"kind": "words", "languages": languages} for languages in (["en"], ["vi"])]
    data = run({"vocab_size": 3}, {"initial": kinds}, generations=0, replicates=1, record={"logits": True})
    assert data.language.dims == ("initial", "token")
    assert data.language.values.tolist() == [["en"] * 3, ["vi"] * 3]


def test_an_axis_of_vocabulary_sizes_says_the_size_of_each_cell(tmp_path: Path) -> None:
    (tmp_path / "p0.csv").write_text("token,p\na,4\nb,3\nc,2\nd,1\n")
    initial = [{"kind": "file", "path": "p0.csv"}, {"kind": "zipf"}]
    sweep = {"axes": {"vocab_size": [2, 5], "initial": initial}}
    with pytest.raises(jc.InputError, match=r"^axes\.vocab_size: 2: p0 has 4 tokens of its own \(where vocab_size"):
        jc.plan(jc.Sweep.from_dict(sweep, folder=tmp_path))
    pairs = {"generations": 1, "axes": {"case": {"zip": {"vocab_size": [256, 5], "initial": initial}}}}
    data = jc.run(jc.Sweep.from_dict({**pairs, "observables": ["entropy"]}, folder=tmp_path), progress=False)
    assert data.vocab_size.dims == ("case",)
    assert data.vocab_size.values.tolist() == [4, 5]
