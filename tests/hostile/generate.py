"""So many hostile inputs, of all kinds in turn; the same for the same seed."""

from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.hostile.folders import links, odd_attributes, sparse_files, strange_names, torn_files
from tests.hostile.options import hostile_options, many_tables, strange_folders
from tests.hostile.shards import mutated_shards, strange_shards, strange_studies
from tests.hostile.sweeps import hostile_sweeps, input_files, mutated_bytes
from tests.hostile.trial import Case

KINDS: dict[str, SearchStrategy[Case]] = {
    "bytes": mutated_bytes(),
    "values": hostile_sweeps(),
    "inputs": input_files(),
    "bits": mutated_shards(),
    "structure": strange_shards(),
    "studies": strange_studies(),
    "names": strange_names(),
    "holes": sparse_files(),
    "torn": torn_files(),
    "attributes": odd_attributes(),
    "links": links(),
    "options": hostile_options(),
    "folders": strange_folders(),
    "tables": many_tables(),
}
SHARES = {"bytes": 2, "values": 3, "inputs": 2, "bits": 1, "structure": 2, "studies": 1}  # of twenty
SHARES |= {"names": 1, "holes": 1, "torn": 1, "attributes": 1, "links": 1, "options": 2, "folders": 1, "tables": 1}


def cases(number: int, start: int = 0, kind: str | None = None) -> Iterator[Case]:
    """So many cases; of one kind, if it is given."""
    if kind is not None:
        yield from drawn(KINDS[kind], number, start)
        return
    for name, share in SHARES.items():
        yield from drawn(KINDS[name], number * share // sum(SHARES.values()), start)


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
