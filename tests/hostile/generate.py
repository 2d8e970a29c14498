"""So many hostile inputs, of all kinds in turn; the same for the same seed."""

from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.hostile.shards import mutated_shards, strange_shards, strange_studies
from tests.hostile.sweeps import hostile_sweeps, input_files, mutated_bytes
from tests.hostile.trial import Case

# Of ten inputs.
SHARES: list[tuple[SearchStrategy[Case], int]] = [
    (mutated_bytes(), 2),
    (hostile_sweeps(), 3),
    (input_files(), 1),
    (mutated_shards(), 1),
    (strange_shards(), 2),
    (strange_studies(), 1),
]


def cases(number: int, start: int = 0) -> Iterator[Case]:
    """So many cases."""
    for strategy, share in SHARES:
        yield from drawn(strategy, number * share // 10, start)


def drawn(strategy: SearchStrategy[Case], number: int, start: int) -> list[Case]:
    """Distinct examples of a strategy."""
    found: dict[str, Case] = {}

    @seed(start)
    @settings(
        max_examples=2 * number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(case: Case) -> None:
        if len(found) < number:
            found.setdefault(repr(case), case)

    draw()
    return list(found.values())
