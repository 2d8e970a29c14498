"""Recorded texts: they are drawn from the recorded models, change no other number, and are kept like any variable."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from tests.support.statistics import assert_counts
from tests.support.sweeps import run, values

TEXT = "To be, or not to be: that is the question.\nWhether 'tis nobler in the mind to suffer\n" * 12
CHAIN: dict[str, Any] = {
    "model": "markov",
    "vocab_size": 6,
    "trace_length": 5,
    "end_token": 5,
    "update": "refit",
    "samples": 20,
}
PERSONAS: dict[str, Any] = {"model": "persona", "personas": 2, "vocab_size": 5, "update": "refit", "samples": 20}
SIZES: dict[str, Any] = {"replicates": 3, "generations": 4, "observables": ["entropy", "distinct_2"]}
RECORD = {"every": 2, "texts": 3, "text_length": 12}


def network(folder: Path) -> dict[str, Any]:
    """A small network that has learned the text a little."""
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return {
        "model": "sequence",
        "initial": {"kind": "text", "path": str(folder / "text.txt")},
        "width": 8,
        "layers": 1,
        "heads": 2,
        "context_length": 10,
        "probes": 4,
        "pretraining_steps": 20,
        "batch_size": 2,
        "learning_rate": 0.1,
    }


@pytest.fixture(scope="module", params=["chain", "personas", "network"])
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A process of each model that writes texts."""
    if request.param == "network":
        return network(tmp_path_factory.mktemp("text"))
    return CHAIN if request.param == "chain" else PERSONAS


@pytest.fixture(scope="module")
def data(process: dict[str, Any]) -> xr.Dataset:
    return run(process, **SIZES, record=RECORD)


def test_texts_change_no_other_number_and_not_one_another(process: dict[str, Any], data: xr.Dataset) -> None:
    without = run(process, **SIZES, record={"every": 2})
    for name in without.data_vars:
        xr.testing.assert_identical(data[name].drop_vars("token", errors="ignore"), without[name])
    more = run(process, **SIZES, record={**RECORD, "texts": 5})
    xr.testing.assert_equal(more.text.isel(sample=slice(3)), data.text)


def test_texts_have_tokens_of_the_vocabulary_and_nothing_after_their_end(
    process: dict[str, Any], data: xr.Dataset
) -> None:
    assert data.text.dims == ("replicate", "generation", "sample", "place")
    assert data.text.dtype == np.int32
    assert data.text.shape == (3, 3, 3, 12)
    found = data.text.values
    assert ((found >= -1) & (found < data.sizes["token"])).all()
    is_over = found < 0
    assert (np.diff(is_over.astype(int), axis=-1) >= 0).all()
    if process["model"] == "sequence":
        assert (is_over == (np.arange(12) >= process["context_length"])).all()
    elif "end_token" in process:
        np.testing.assert_array_equal(np.diff(is_over.astype(int), axis=-1) == 1, found[..., :-1] == 5)
        assert is_over.any()
    else:
        assert not is_over.any()


def test_texts_follow_the_law_of_the_model() -> None:
    """Tokens of a persona at each place, at generation 0 of many replicates."""
    p = [0.5, 0.3, 0.15, 0.05]
    found = run(
        {"model": "persona", "personas": 1, "initial": values(p), "update": "refit", "samples": 5},
        replicates=2000,
        generations=1,
        record={"every": 1, "texts": 2, "text_length": 3},
    )
    pairs = found.text.values[:, 0].reshape(2000, 6)
    for place in range(6):
        assert_counts(np.bincount(pairs[:, place], minlength=4), 2000 * np.array(p))
    assert_counts(np.bincount(4 * pairs[:, 0] + pairs[:, 3], minlength=16), 2000 * np.outer(p, p))


def test_a_study_keeps_texts_when_it_is_resumed_extended_and_moved(process: dict[str, Any], tmp_path: Path) -> None:
    record = {**RECORD, "state": process["model"] != "sequence"}
    top = {**SIZES, "record": record, "process": process}
    whole = jc.run({**top, "generations": 6, "replicates": 5}, progress=False)
    study = tmp_path / "study"
    jc.run(top, study, chunk_size=1, progress=False).close()
    for shard in sorted((study / "shards").glob("*.nc"))[:1]:
        shard.unlink()
    longer = {"generations": 6} if record["state"] else {}
    jc.run({**top, **longer, "replicates": 5}, study, chunk_size=2, progress=False).close()
    moved = Path(shutil.move(study, tmp_path / "elsewhere"))
    with jc.open_study(moved) as found:
        kept = whole.text.sel(generation=found.generation)
        np.testing.assert_array_equal(found.text, kept)
        assert found.text.dtype == np.int32
    with xr.open_dataset(moved / "result.nc") as plain:
        np.testing.assert_array_equal(plain.text, kept)
        assert plain.text.dtype == np.int32


def test_studies_that_differ_in_texts_do_not_mix(tmp_path: Path) -> None:
    top = {**SIZES, "process": PERSONAS}
    jc.run({**top, "record": RECORD}, tmp_path / "study", progress=False).close()
    with pytest.raises(jc.InputError, match=r"texts is \[3, 12\] in the study and \[4, 12\] in the sweep"):
        jc.run({**top, "record": {**RECORD, "texts": 4}}, tmp_path / "study", progress=False)


def test_joined_datasets_have_the_texts_of_all() -> None:
    one, other = (run({**CHAIN, "temperature": t}, **SIZES, record=RECORD) for t in (0.9, 1.1))
    more = run({**CHAIN, "temperature": 1.3}, **{**SIZES, "replicates": 2}, record={**RECORD, "texts": 1})
    found = jc.concat([one, other, more])
    assert found.text.dtype == np.int32
    np.testing.assert_array_equal(found.text.sel(temperature=0.9), one.text)
    np.testing.assert_array_equal(found.text.sel(temperature=1.1), other.text)
    last = found.text.sel(temperature=1.3)
    np.testing.assert_array_equal(last.isel(replicate=slice(2), sample=[0]), more.text)
    assert (last.isel(replicate=2) == -1).all()
    assert (last.isel(sample=slice(1, None)) == -1).all()
    assert set(found.collapse.texts().sel(temperature=1.3, replicate=2).values.ravel()) == {""}


def test_models_without_texts_have_none() -> None:
    found = run(
        {"vocab_size": 6, "update": "refit", "samples": 5},
        {"model": ["categorical", "persona"]},
        **{**SIZES, "observables": ["entropy"]},
        record=RECORD,
    )
    assert (found.text.sel(model="categorical") == -1).all()
    assert (found.text.sel(model="persona") >= 0).all()


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"texts": 3}, "record.texts: is for model = 'markov' or 'persona' or 'sequence' only"),
        ({"text_length": 3}, "text_length has no effect without texts"),
        ({"texts": -1}, "-1: must be >= 0"),
        ({"texts": 1001}, "1001: must be <= 1000"),
    ],
)
def test_texts_that_no_model_writes_are_refused(record: dict[str, int], told: str) -> None:
    with pytest.raises(jc.InputError, match=told):
        jc.Sweep.from_dict({"replicates": 1, "generations": 1, "record": record, "process": {"vocab_size": 4}})


def test_the_plan_counts_texts() -> None:
    top = {**SIZES, "process": CHAIN}
    plans = [jc.plan({**top, "record": {**RECORD, "texts": number}}) for number in (1, 101)]
    more = 100 * 12 * 4 * 3 * 3  # texts, tokens, bytes, records, replicates
    assert plans[1].disk_bytes - plans[0].disk_bytes == 2 * more
    assert plans[1].to_dict()["text_bytes"] - plans[0].to_dict()["text_bytes"] == 2 * more
    assert "of texts before compression" in repr(plans[0])
    assert "texts" not in repr(jc.plan(top))


def test_texts_are_strings_for_a_reader(process: dict[str, Any], data: xr.Dataset) -> None:
    """Characters are put together; tokens without labels are numbers."""
    found = data.collapse.texts()
    assert found.dims == ("replicate", "generation", "sample")
    text = data.text.values[1, 2, 0]
    between = "" if process["model"] == "sequence" else " "
    assert found.values[1, 2, 0] == between.join(str(data.token.values[each]) for each in text if each >= 0)
    xr.testing.assert_equal(data.collapse.texts(generation=2), found.sel(generation=2))
    with pytest.raises(ValueError, match="generation = 3 is not recorded"):
        data.collapse.texts(generation=3)
    with pytest.raises(ValueError, match=r"record = \{ texts = 4 \}"):
        data.drop_vars("text").collapse.texts()


@pytest.mark.parametrize(
    ("labels", "numbers", "wanted"),
    [
        (["a", "b", "(other)"], [0, 2, 1, -1], "a\ufffdb"),
        (["to", "be", "(other)"], [0, 1, 2, -1], "to be (other)"),
        (["\\xe4", "\\xb8", "\\xad", "x"], [0, 1, 2, 3], "中x"),
        (["\\xe4", "\\xb8", "\\xad", "x"], [3, 0, -1, -1], "x\ufffd"),
        (["\\", "x", "0", "\n"], [0, 1, 2, 3], "\\x0\n"),
        ([3, 1, 4], [2, 0, -1], "4 3"),
        (["a", "b"], [-1, -1], ""),
    ],
    ids=["characters", "words", "bytes", "half a character", "no escape", "numbers", "empty"],
)
def test_tokens_of_every_kind_make_a_text(labels: list[Any], numbers: list[int], wanted: str) -> None:
    found = xr.Dataset({"text": ("place", np.array(numbers, np.int32))}, {"token": labels}).collapse.texts()
    assert found.item() == wanted


def test_labels_of_each_cell_are_used() -> None:
    labels = xr.Variable(("model", "token"), np.array([["a", "b", ""], ["to", "be", "or"]]))
    numbers = xr.Variable(("model", "place"), np.array([[1, 0], [2, 1]], np.int32))
    data = xr.Dataset({"text": numbers}, {"token": [0, 1, 2], "token_label": labels})
    assert data.collapse.texts().values.tolist() == ["ba", "or be"]
