"""Everything goes with everything: any two settings that the schema admits together run, all others are refused."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.sweep.process_fields import fields
from tests.support.one_device import run, table
from tests.support.sweeps import values
from tests.walks.pairwise import Pair, Row, all_pairs, covering, pairs_of

INF = float("inf")
SQUARE = np.random.default_rng(1).dirichlet(np.ones(4), 4)
CHOICES: dict[str, dict[str, dict[str, Any]]] = {
    "batches": {
        "fresh": {"samples": 6, "batch_size": 3, "steps": 2},
        "stored": {"samples": 6, "batch_size": 3, "steps": 3},
        "replacement": {"samples": 6, "batch_size": 3, "steps": 3, "replacement": True},
        "whole": {"samples": 6, "batch_size": INF, "steps": 2},
        "expected": {"samples": INF, "batch_size": INF, "steps": 2},
    },
    "truncation": {"none": {}, "top_k": {"top_k": 3}, "top_p and min_p": {"top_p": 0.9, "min_p": 0.1}},
    "training": {
        "refit": {"update": "refit"},
        # Some; `training/test_optimizers.py` has all.
        **{name: {"optimizer": name, "learning_rate": 0.05} for name in ("sgd", "momentum", "adam", "sign_sgd")},
    },
    "model": {
        "categorical": {},
        "persona": {"model": "persona", "trace_length": 3},
        "markov": {"model": "markov", "trace_length": 3},
        "best personas": {"model": "persona", "trace_length": 3, "curation": "bradley_terry", "candidates": 3},
        "best verified chains": {
            "model": "markov",
            "trace_length": 3,
            "curation": "argmax",
            "false_positive_rate": 0.3,
        },
    },
    "parameters": {
        "table": {},
        "lowrank": {"parameters": "lowrank", "rank": 2},
        "mlp": {"parameters": "mlp", "embedding_size": 3, "hidden_size": 4},
    },
    "corpus": {"replace": {}, "accumulate": {"corpus": "accumulate"}, "window": {"corpus": "window", "window": 2}},
    "real data": {
        "none": {},
        "iid": {"fresh_fraction": 0.3},
        "stratified": {"fresh_fraction": 0.3, "fresh_sampling": "stratified"},
    },
    "initial": {
        "zipf": {"initial": {"kind": "zipf"}, "vocab_size": 5},
        "uniform": {"initial": {"kind": "uniform"}, "vocab_size": 6},
        "dirichlet": {"initial": {"kind": "dirichlet"}, "vocab_size": 5},
        "shared dirichlet": {"initial": {"kind": "dirichlet", "shared": True}, "vocab_size": 5},
        "values": {"initial": values([0.5, 0.3, 0.2, 0.0])},
        "table": {"initial": table(SQUARE)},
    },
}
FACTORS = {factor: list(choices) for factor, choices in CHOICES.items()}


REFUSED: dict[Pair, str] = {
    **{(("batches", each), ("training", "refit")): "process.batch_size" for each in FACTORS["batches"][:3]},
    **{(("training", "refit"), ("parameters", each)): "process.update" for each in ("lowrank", "mlp")},
    **{(("parameters", each), ("initial", "dirichlet")): "process.parameters" for each in ("lowrank", "mlp")},
    (("model", "categorical"), ("initial", "table")): "process.initial.kind",
    **{(("batches", "expected"), ("model", each)): "process.samples" for each in FACTORS["model"][3:]},
}


def _admits(pair: Pair) -> bool:
    return pair not in REFUSED


def _fields(row: Row) -> dict[str, Any]:
    """What a sweep file says of these choices, and of no other."""
    fields = {name: value for factor, choice in row.items() for name, value in CHOICES[factor][choice].items()}
    if fields.get("update") == "refit" and row.get("batches", "whole") in ("whole", "expected"):
        fields = {name: value for name, value in fields.items() if name not in ("batch_size", "steps")}
        fields.setdefault("samples", 6)
    return fields


def _sweep(process: dict[str, Any]) -> jc.Sweep:
    return jc.Sweep.from_dict({"process": process, "generations": 2, "replicates": 2, "observables": ["entropy"]})


@pytest.mark.parametrize("pair", REFUSED, ids=str)
def test_what_means_nothing_is_refused_and_the_key_is_named(pair: Pair) -> None:
    with pytest.raises(InputError) as told:
        jc.plan(_sweep(_fields(dict(pair))))
    assert told.value.key == REFUSED[pair]
    assert REFUSED[pair] in str(told.value)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_refit_has_no_optimizer(optimizer: str) -> None:
    with pytest.raises(InputError, match=r"process\.optimizer"):
        _sweep({"update": "refit", "samples": 5, "optimizer": optimizer})


def test_a_chain_has_no_rows_of_words_or_of_other_numbers() -> None:
    for initial in ({"kind": "words"}, table(SQUARE[:2])):
        with pytest.raises(InputError, match=r"process\.initial"):
            jc.plan(_sweep({"model": "markov", "initial": initial}))


def test_every_other_pair_is_admitted() -> None:
    for pair in filter(_admits, all_pairs(FACTORS)):
        row = dict(pair)
        model = {"model": "persona"} if row.get("initial") == "table" else {}
        assert _sweep(_fields({**model, **row})).trajectories == 2, pair


def _cells() -> list[Row]:
    """Few programs: what is compiled is covered first, then each row gets as many kinds of p0 as are needed."""
    compiled = {factor: choices for factor, choices in FACTORS.items() if factor != "initial"}
    programs = covering(compiled, _admits)
    missing = {pair for pair in all_pairs(FACTORS) if _admits(pair) and pair[1][0] == "initial"}
    possible = [{**row, "initial": kind} for row in programs for kind in FACTORS["initial"]]
    possible = [row for row in possible if all(map(_admits, pairs_of(row)))]
    cells = []
    for row in programs:  # each at least once
        first = max((cell for cell in possible if cell.items() > row.items()), key=lambda c: _new(c, missing))
        cells.append(first)
        missing -= set(pairs_of(first))
    while missing:
        cells.append(max(possible, key=lambda cell: _new(cell, missing)))
        missing -= set(pairs_of(cells[-1]))
    return cells


def _new(cell: Row, missing: set[Pair]) -> int:
    return len(missing.intersection(pairs_of(cell)))


CELLS = _cells()
COMMON: dict[str, Any] = {
    "generations": 3,
    "record": {"every": 1, "logits": True},
    "observables": ["entropy"],
}


def test_the_cells_cover_every_pair() -> None:
    covered = {pair for cell in CELLS for pair in pairs_of(cell)}
    assert covered == {pair for pair in all_pairs(FACTORS) if _admits(pair)}


@pytest.fixture(scope="module")
def together() -> xr.Dataset:
    """All cells in one sweep, at a temperature at which something happens."""
    given = [_fields(cell) for cell in CELLS]
    names = sorted({name for cell in given for name in cell})
    default = {name: fields()[name].default for name in names}
    zipped = {name: [cell.get(name, default[name]) for cell in given] for name in names}
    return run({"temperature": 0.9}, {"cell": {"zip": zipped}}, replicates=2, **COMMON)


def test_every_pair_runs(together: xr.Dataset) -> None:
    """To the end, with finite numbers; and all models have moved, but those that cannot."""
    assert together.sizes["cell"] == len(CELLS)
    assert (together.status == 1).all()
    assert np.isfinite(together.entropy).all()
    for place, cell in enumerate(CELLS):
        mine = together.isel(cell=place)
        assert (mine.entropy.values >= 0).all(), cell
        assert (mine.entropy.values <= np.log(6) + 1e-5).all(), cell
        logits = mine.logits.values
        still = (logits[:, -1] == logits[:, 0]) | np.isnan(logits[:, 0])
        uniform = cell["initial"] == "uniform" and cell["batches"] == "expected"
        assert uniform or not still.all(), cell


@pytest.mark.parametrize("place", range(0, len(CELLS), 5), ids=lambda place: " ".join(CELLS[place].values()))
def test_a_cell_alone_is_the_cell_among_others(together: xr.Dataset, place: int) -> None:
    """Bit by bit, whatever else is in the sweep, with more replicates and in other chunks."""
    alone = run({"temperature": 0.9, **_fields(CELLS[place])}, replicates=5, chunk_size=3, **COMMON)
    beside = together.isel(cell=place)
    np.testing.assert_array_equal(alone.entropy.values[:2], beside.entropy.values)
    logits = alone.logits.values[:2]
    if "context" not in alone.logits.dims:
        logits = logits[:, :, None]
    contexts, tokens = logits.shape[2:]
    np.testing.assert_array_equal(logits, beside.logits.values[:, :, :contexts, :tokens])
