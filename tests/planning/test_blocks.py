"""Few programs for a grid over batch sizes, as long as what is drawn in vain costs less than a program."""

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.planning.cells import resolve
from jaxcollapse.planning.draw_blocks import SIZES, block_sizes
from jaxcollapse.process.structure import Structure
from jaxcollapse.sampling.multinomial import fewest_split
from tests.support.engines import xla_alone

pytestmark = pytest.mark.optimised


def test_a_small_sweep_has_one_size_and_a_large_one_as_many_as_pay() -> None:
    draws = [1, 16, 64, 256]
    assert len(set(block_sizes(4096, dict.fromkeys(draws, 10.0)).values())) == 1
    few = block_sizes(4096, dict.fromkeys(draws, 1e4))
    many = block_sizes(4096, dict.fromkeys(draws, 1e9))
    assert len(set(few.values())) < len(set(many.values())) == 4
    assert many == {number: number for number in draws}


def test_more_work_never_has_fewer_programs() -> None:
    programs = [len(set(block_sizes(256, {1: n, 8: n, 100: n, 200: n}).values())) for n in 10.0 ** np.arange(1, 10)]
    assert programs == sorted(programs)
    assert all(size in SIZES for size in block_sizes(256, {3: 1e9}).values())


@pytest.mark.parametrize("tokens", [16, 256, 1024])
def test_a_grid_over_batch_sizes_compiles_a_program_or_two(tokens: int) -> None:
    sweep = sweep_over([1, 2, 3, 5, 8, 13, 21, 64, 512, 10**4, 10**6, 10**9], vocab_size=tokens)
    assert jc.plan(sweep, devices=jax.local_devices()[:1]).compiles <= 2


def test_splitting_or_not_is_the_cells_own_affair() -> None:
    """Counts depend on it, so nothing else in the grid may decide about it."""
    edge = fewest_split(256)
    for others in ([], [1], [10**6], [1, 2, 10**6]):
        cells = resolve(sweep_over([*others, edge - 1, edge]), "gpu")
        splits = [cells.programs[index].structure.batch_sampler for index in cells.program[-2:]]
        assert [how is not None and how.splits for how in splits] == [False, True]


def test_blocks_have_no_influence_on_results() -> None:
    with xla_alone():
        few, more = sweep_over([2], vocab_size=1024), sweep_over([1, 2, 160], vocab_size=1024)
        alone = jc.run(few, progress=False)
        blocks = [resolve(sweep, "cpu").programs[0].structure.batch_sampler for sweep in (few, more)]
        assert blocks[0] != blocks[1]
        among = jc.run(more, progress=False).sel(batch_size=[2])
    np.testing.assert_array_equal(alone.entropy.values, among.entropy.values)


@pytest.mark.parametrize("tokens", [16, 256, 4096])
def test_native_code_serves_all_batch_sizes_and_steps_with_one_program(tokens: int) -> None:
    sweep = sweep_over([1, 2, 21, 64, 10**4, 10**8, float("inf")], vocab_size=tokens, steps=[1, 2, 5])
    assert len(jc.plan(sweep).buckets) == 1


def test_absorbed_refits_are_what_they_would_have_become(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not computed any further: series, events and logits are those of a run that does compute them.

    Native code stops, too: `tests/test_native.py` compares it with this.
    """
    process = {"vocab_size": 5, "update": "refit", "samples": 4}
    data = {"generations": 60, "replicates": 50, "record": {"every": 7, "logits": True}, "process": process}
    few = ["entropy", "events"]
    with xla_alone():
        stopped = jc.run(jc.Sweep.from_dict({**data, "observables": few}), progress=False)
        monkeypatch.setattr(Structure, "absorbs", property(lambda self: False))
        # Another name for the same program, since programs are remembered by what they are made of.
        computed = jc.run(jc.Sweep.from_dict({**data, "observables": [*few, "support_size"]}), progress=False)
    assert np.isfinite(stopped.collapse_time).mean() > 0.9
    for name in stopped:
        np.testing.assert_array_equal(stopped[name].values, computed[name].values)


def sweep_over(batch_sizes: list[int], *, vocab_size: int = 256, **axes: list[int]) -> jc.Sweep:
    return jc.Sweep.from_dict(
        {
            "observables": ["entropy"],
            "generations": 5,
            "replicates": 4,
            "record": {"every": 5},
            "process": {"vocab_size": vocab_size, "learning_rate": 0.5},
            "axes": {"batch_size": batch_sizes, **axes},
        }
    )
