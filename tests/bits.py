"""Which results changed by a bit: `python -m tests.bits --write old.json`, and later `--against old.json`.

A line for each sweep: the shipped ones, the largest with fewer replicates, and small ones of settings that those leave
out. Numbers are compared by digests of their bytes, so both runs must be on one kind of processor. What identifies
cells and studies is compared too: if it changed, studies on disk could not go on.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import jaxcollapse as jc
from jaxcollapse.store.extension import fingerprint
from jaxcollapse.sweep import Sweep

SWEEPS = Path(__file__).parent.parent / "sweeps"
FEWER = {"large": {"replicates": 2, "generations": 200}}
INF = float("inf")
SMALL: dict[str, dict[str, Any]] = {
    "optimisers": {
        "process": {"vocab_size": 12, "batch_size": 4, "temperature": 0.9, "learning_rate": 0.1},
        "axes": {"optimizer": ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "sign_sgd"]},
    },
    "minibatches of a stored corpus": {
        "process": {"vocab_size": 12, "batch_size": 3, "samples": 6, "steps": 3, "window": 2},
        "axes": {"corpus": ["replace", "accumulate", "window"], "replacement": [True, False]},
    },
    "truncation": {
        "process": {"vocab_size": 12, "temperature": 1.1},
        "axes": {"top_k": [3, INF], "top_p": [0.7, 1.0], "min_p": [0.0, 0.11]},
    },
    "real data": {
        "process": {"vocab_size": 12, "fresh_fraction": 0.25, "batch_size": 8, "fresh_every": 2},
        "axes": {"fresh_sampling": ["iid", "stratified"], "real_samples": [20, INF]},
    },
    "penalties": {
        "process": {"vocab_size": 12, "label_smoothing": 0.1, "entropy_bonus": 0.02, "clip_norm": 0.5},
        "axes": {"forward_kl": [0.0, 0.1], "reverse_kl": [0.0, 0.1], "schedule": ["constant", "cosine"]},
    },
    "selection": {
        "process": {"vocab_size": 12, "candidates": 3, "curation": "bradley_terry", "false_positive_rate": 0.3},
        "axes": {"reward": ["likelihood", "original_likelihood"], "samples": [16, INF], "batch_size": [INF]},
    },
    "personas": {
        "process": {"model": "persona", "vocab_size": 8, "trace_length": 4, "temperature": 0.8},
        "axes": {"temperature_on": ["both", "chooser", "tokens"], "batch_size": [3, 12], "samples": [12]},
    },
    "chains": {
        "process": {"model": "markov", "vocab_size": 6, "trace_length": 5, "temperature": 0.9},
        "axes": {"first_token": ["learned", "fixed"], "batch_size": [4, INF]},
    },
    "ensembles": {"process": {"model": "ensemble", "vocab_size": 8}, "axes": {"exchange": [0.0, 0.5]}},
    "shared parameters": {
        "process": {"model": "persona", "vocab_size": 8, "rank": 2, "embedding_size": 3, "hidden_size": 4},
        "axes": {"parameters": ["lowrank", "mlp"]},
    },
    "double precision": {"precision": "float64", "axes": {"vocab_size": [5, 40], "temperature": [0.0, 0.9, 1.2]}},
    "ideal refits": {"process": {"update": "refit", "samples": INF}, "axes": {"temperature": [0.95, 1.0, 1.05]}},
    "random originals": {
        "process": {"initial": {"kind": "dirichlet"}, "update": "refit", "collapsed_start": 0.2, "smoothing": 0.1},
        "axes": {"samples": [4, 64], "mixing": [0.5, 1.0], "vocab_size": [10, 30]},
    },
}
DEFAULTS = {"replicates": 3, "generations": 12, "observables": ["all"], "record": {"every": 4, "logits": True}}


def sweeps(names: list[str]) -> Iterator[tuple[str, Sweep]]:
    """What is run, by name: these, or all."""
    for path in sorted(SWEEPS.glob("*.toml")):
        is_slow = path.stem.endswith("_large")  # networks that take days on CPUs
        if path.stem in names or not (names or is_slow):
            data = Sweep.from_toml(path).to_dict()
            yield path.stem, Sweep.from_dict({**data, **FEWER.get(path.stem, {})}, folder=path.parent)
    for name, data in SMALL.items():
        if not names or name in names:
            yield name, Sweep.from_dict({**DEFAULTS, **data})


def digests(sweep: Sweep) -> dict[str, str]:
    """Of the bytes of each variable of a sweep's dataset, of what identifies its cells, and of its fingerprint."""
    data = jc.run(sweep, progress=False)
    arrays = {str(name): variable.values for name, variable in data.data_vars.items()}
    arrays |= {"identities of cells": jc.plan(sweep).identities, "random streams": sweep.streams()}
    made = {name: _digest(repr((each.dtype, each.shape)).encode() + each.tobytes()) for name, each in arrays.items()}
    return {**made, "fingerprint of the study": _digest(fingerprint(sweep).encode())}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main() -> None:
    """Writes digests, or compares with those written before; exit code 1 if a bit differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", type=Path, help="file to write digests to")
    parser.add_argument("--against", type=Path, help="file of digests to compare with")
    parser.add_argument("names", nargs="*", help="sweeps; by default all")
    given = parser.parse_args()
    before = json.loads(given.against.read_text()) if given.against else {}
    made, differ = {}, 0
    for name, sweep in list(sweeps(given.names)):  # all are valid before the first is run
        made[name] = digests(sweep)
        common = made[name].keys() & before.get(name, {}).keys()
        changed = sorted(key for key in common if made[name][key] != before[name][key])
        differ += bool(changed)
        told = f"differs in {', '.join(changed)}" if changed else f"{len(common)} of {len(common)} the same"
        print(f"{name:32} {told if given.against else f'{len(made[name])} digests'}", flush=True)
        if given.write:
            given.write.write_text(json.dumps(made, indent=1))
    print(f"{len(made)} sweeps" + (f", {differ} differ" if given.against else ""))
    sys.exit(bool(differ))


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
