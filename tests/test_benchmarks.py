"""Benchmarks never rot: they run at tiny size."""

import math

from benchmarks.kernel import CONTENDERS, Point, measure, table


def test_the_kernel_benchmark_times_every_contender() -> None:
    (row,) = measure([Point(8, 2)], seconds=0.01, rounds=1)
    for contender in CONTENDERS:
        assert 0 < row[contender.__name__] < math.inf
    assert table([row]).row_count == 1


def test_a_contender_that_cannot_run_is_left_out() -> None:
    (row,) = measure([Point(16, 10**6)], seconds=0.01, rounds=1)
    assert row["idiomatic_jax"] is None
    assert row["jaxcollapse"] > 0
