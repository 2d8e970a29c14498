"""Functions that are compiled once for all processes, and what tells their programs apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.program.compiling import compiling
from jaxcollapse.system import jit_on_disk as module
from jaxcollapse.system.jit_on_disk import jit_on_disk
from tests.conftest import Compiles
from tests.support.sweeps import values


@jit_on_disk
def scaled(table: jax.Array, *, by: Any) -> jax.Array:
    return table * getattr(by, "factor", by)


@partial(jit_on_disk, gives_like=1)
def added(number: jax.Array, pytree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf + number, pytree)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of programs, which is empty, and nothing in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_enable_compilation_cache", True)
    module._load_or_compile.cache_clear()
    yield tmp_path / "jaxcollapse" / "programs"
    jax.config.update("jax_enable_compilation_cache", False)
    module._load_or_compile.cache_clear()


def test_another_process_compiles_nothing(programs: Path, compiles: Compiles) -> None:
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree, compiled = {"a": np.zeros(2, np.float32), "b": (np.ones((), np.float32),)}, []
    for _ in range(2):
        np.testing.assert_array_equal(scaled(table, by=2), 2 * table)
        found = added(np.float32(1), tree)
        np.testing.assert_array_equal(found["a"], [1, 1])
        assert found["b"][0] == 2
        assert len(list(programs.iterdir())) == 2
        compiled.append(compiles())
        module._load_or_compile.cache_clear()  # as in a new process
    assert compiled[0] == compiled[1] >= 2


def test_shapes_types_devices_and_what_is_static_have_programs_of_their_own(programs: Path) -> None:
    scaled(np.ones(3, np.float32), by=2)
    scaled(np.ones(4, np.float32), by=2)
    scaled(np.ones(3, np.int32), by=2)
    assert scaled(np.ones(3, np.float32), by=3)[0] == 3
    with jax.default_device(jax.local_devices()[1]):
        assert scaled(np.ones(3, np.float32), by=2).devices() == {jax.local_devices()[1]}
    with jax.enable_x64(True):
        assert scaled(np.ones(3), by=2).dtype == np.float64
    assert len(list(programs.iterdir())) == 6


def test_what_a_class_of_the_users_own_decides_is_not_kept(programs: Path) -> None:
    """Its name and numbers may stay while its code changes."""

    @dataclass(frozen=True)
    class Own:
        factor: float = 5.0

    assert scaled(np.ones(3, np.float32), by=Own())[0] == 5
    assert not programs.exists()


def test_it_may_be_traced(programs: Path) -> None:
    found = jax.jit(jax.vmap(partial(scaled, by=2)))(jnp.ones((2, 3)))
    np.testing.assert_array_equal(found, np.full((2, 3), 2))
    assert not programs.exists()


def test_a_second_run_compiles_neither_a_fit_nor_draws_of_p0_again(programs: Path, compiles: Compiles) -> None:
    process = {"model": "markov", "initial": values([0.5, 0.3, 0.2]), "parameters": "lowrank", "rank": 1}
    drawn = {"vocab_size": 4, "initial": {"kind": "dirichlet"}}
    counts, results = [], []
    for _ in range(2):
        compiling.cache_clear()  # as in a new process
        module._load_or_compile.cache_clear()
        for fields in (process, drawn):
            sweep = {"process": fields, "replicates": 2, "generations": 2, "observables": ["entropy"]}
            results.append(jc.run(sweep, progress=False, devices=jax.local_devices()[:1]).entropy.values)
        counts.append(compiles())
    assert counts[1] - counts[0] <= 2  # loops that compute the visits of rows, as JAX does outside of programs
    np.testing.assert_array_equal(results[:2], results[2:])
    assert len(list(programs.iterdir())) == 5  # two of generations, the fit, keys and draws of a random p0
