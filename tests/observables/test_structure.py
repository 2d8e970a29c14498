"""What is within contexts, between them and of personas: against the definitions, in float64."""

from functools import cache

import numpy as np
import pytest
from scipy import special

from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.persona import Persona, TemperatureOn
from tests.observables.exact_structure import DEFINITIONS, Exact
from tests.observables.structured import GROUPS, Case, Several, log, markov_cases, measure, names, persona_cases

WALKS: dict[str, Several] = {
    "persona": Persona(3),
    "markov": Markov(8),
    "markov, first token fixed": Markov(8, "fixed"),
}
WIDE: dict[str, Several] = {"persona": Persona(3), "markov": Markov(13)}
_OF_ALL_ROWS = (
    "shared_recovery_temperature",
    "shared_recovery_gap",
    "row_recovery_gap",
    "shared_effective_temperature",
    "shared_tempering_gap",
)
each_walk = pytest.mark.parametrize("name", WALKS)


def _cases(walk: Several) -> dict[str, Case]:
    if isinstance(walk, Persona):
        return persona_cases()
    cases = markov_cases()
    return {name: case for name, case in cases.items() if walk.first_token == "learned" or case.trace_length > 1}


@cache
def _found(walk: Several, width: int) -> dict[str, np.ndarray]:
    return measure(walk, list(_cases(walk).values()), width)


@cache
def _exact(walk: Several) -> dict[str, Exact]:
    return {name: Exact(walk, case) for name, case in _cases(walk).items()}


def _assert_close(name: str, value: np.ndarray, expected: float | np.ndarray, case: str) -> None:
    """As closely as float32 allows."""
    told = f"{name} of {case!r}"
    if name == "personas_covered" or not np.all(np.isfinite(expected)):
        np.testing.assert_array_equal(value, expected, told)
    elif name.endswith("_temperature"):
        np.testing.assert_allclose(value, expected, rtol=1e-3, err_msg=told)
    elif DEFINITIONS[name].by_levels:
        np.testing.assert_allclose(value, expected, rtol=0.05, atol=0.02, err_msg=told)
    elif DEFINITIONS[name].is_divergence:
        assert value >= 0, told
        np.testing.assert_allclose(np.sqrt(value), np.sqrt(np.maximum(expected, 0)), rtol=2e-6, atol=5e-6, err_msg=told)
    else:
        np.testing.assert_allclose(value, expected, rtol=0, atol=3e-6, err_msg=told)


def test_every_observable_of_the_groups_has_a_definition_here_or_with_chains_and_texts() -> None:
    grouped = {entry.name for entry in OBSERVABLES.values() if entry.group in GROUPS[:2]}
    assert grouped | {"entropy", "kl_to_initial"} == set(DEFINITIONS)


@each_walk
def test_an_observable_is_what_its_definition_says(name: str) -> None:
    walk = WALKS[name]
    found = _found(walk, 8)
    for observable in set(DEFINITIONS) & set(names(walk)):
        for place, (case, exact) in enumerate(_exact(walk).items()):
            _assert_close(observable, found[observable][place], DEFINITIONS[observable].value(exact), case)


@pytest.mark.parametrize("name", WIDE)
def test_padding_changes_nothing(name: str) -> None:
    """Tokens that are impossible in every row, and contexts that are never visited, have no influence."""
    narrow, wide = _found(WALKS[name], 8), _found(WIDE[name], 13)
    for observable in set(DEFINITIONS) & set(names(WALKS[name])):
        for place, case in enumerate(_cases(WALKS[name])):
            _assert_close(observable, wide[observable][place], narrow[observable][place].astype(float), case)


def test_one_persona_and_one_token_are_no_trouble() -> None:
    """Of one persona nothing is between contexts; of one token nothing is left to tell."""
    rows = np.random.default_rng(1).dirichlet(np.ones(4), 4)
    first = log([[1, 0, 0, 0]])
    moved = Case(*(np.concatenate([first, log(rows[[place]])]) for place in (0, 1, 2)), np.array([True, False]))
    single = Case(*(log([[1, 0, 0, 0], [1, 0, 0, 0]]) for _ in range(3)), np.array([True, False]))
    mode = Case(
        *(log([[1, 0, 0, 0], row]) for row in ([0, 1, 0, 0], [0, 1, 0, 0], [0.2, 0.7, 0.1, 0])), np.zeros(2, bool)
    )
    cases = {"one persona": moved, "one token": single, "its mode alone": mode}
    found = measure(Persona(1), list(cases.values()), 4)
    for observable in set(DEFINITIONS) & set(names(Persona(1))):
        for place, (name, case) in enumerate(cases.items()):
            expected = DEFINITIONS[observable].value(Exact(Persona(1), case))
            _assert_close(observable, found[observable][place], expected, name)
    np.testing.assert_allclose(found["mutual_information"], 0, atol=1e-12)
    assert np.isnan(found["shared_recovery_temperature"][1])
    assert found["shared_recovery_temperature"][2] == 0
    np.testing.assert_array_equal(found["shared_recovery_gap"][1:], 0)


@pytest.fixture(scope="module")
def tempered() -> tuple[np.ndarray, dict[str, np.ndarray], list[Case]]:
    """Temperatures, and what is found where every row has been tempered with one of them."""
    random = np.random.default_rng(2)
    temperatures = np.array([1e-18, 1e-12, 1e-6, 1e-3, 0.05, 0.5, 0.9, 1.0, 1.2, 3.0, 50.0])
    start = log(np.concatenate([np.pad([[0.5, 0.3, 0.2]], ((0, 0), (0, 5))), random.dirichlet(np.ones(8), 3)]))
    depth = np.where(start > -np.inf, start.astype(float) - start.max(axis=1, keepdims=True), -np.inf)
    cases = [Case(start, start, (depth / t).astype(np.float32), np.ones(4, bool)) for t in temperatures]
    return temperatures, measure(Persona(3), cases, 8), cases


def test_a_table_at_another_temperature_is_brought_back(
    tempered: tuple[np.ndarray, dict[str, np.ndarray], list[Case]],
) -> None:
    """Cooled to T in every row: the recovery temperature is 1/T, down to logits of 1e18, and nothing is lost."""
    temperatures, found, _ = tempered
    np.testing.assert_allclose(found["shared_recovery_temperature"], 1 / temperatures, rtol=1e-4)
    np.testing.assert_allclose(found["shared_recovery_gap"], 0, atol=1e-10)
    np.testing.assert_allclose(found["row_recovery_gap"], 0, atol=1e-10)


def _common_cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rows of p0 and of p, of two equal personas of four tokens, beside a third one that there is not."""
    one, other = np.array([0.6, 0.25, 0.1, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])
    point, uniform = np.array([0.0, 1.0, 0.0, 0.0]), np.full(4, 0.25)
    tempered = special.softmax(np.log(np.stack([one, other])) * [[3.0], [0.4]], axis=1)
    return {
        "each row at a temperature of its own": (np.stack([one, other]), tempered),
        "one row in the opposite order": (np.stack([one, other]), np.stack([one[::-1], other])),
        "both in the opposite order": (np.stack([one, other]), np.stack([one[::-1], other[::-1]])),
        "p0 was uniform": (np.stack([uniform, uniform]), np.stack([one, other])),
        "p0 was on the modes alone": (np.stack([point, point]), np.stack([[0.2, 0.5, 0.2, 0.1], [0.3, 0.4, 0.2, 0.1]])),
        "p0 was on one mode alone": (np.stack([point, other]), np.stack([[0.2, 0.5, 0.2, 0.1], other])),
        "one row is uniform": (np.stack([one, other]), np.stack([uniform, other])),
        "both are uniform": (np.stack([one, other]), np.stack([uniform, uniform])),
        "a token lost": (np.stack([one, other]), np.stack([one, [0.0, 0.2, 0.3, 0.5]])),
        "very cold beside warm": (np.stack([one, other]), np.stack([[1 - 3e-30, 1e-30, 1e-30, 1e-30], other])),
        "hardly off the modes": (
            np.stack([[1 - 3e-12, 1e-12, 1e-12, 1e-12]] * 2),
            np.stack([one, [0.5, 0.3, 0.1, 0.1]]),
        ),
    }


def test_one_temperature_for_all_rows_is_where_a_search_finds_it() -> None:
    """Among it its ends: 0, ∞, and none at all."""
    named = {}
    for name, pair in _common_cases().items():
        start, now = (log(np.concatenate([[[0.5, 0.5, 0, 0]], rows, [[0, 0, 0, 1]]])) for rows in pair)
        named[name] = Case(start, start, now, np.ones(4, bool))
    found = measure(Persona(3), list(named.values()), 8)
    expected = {name: Exact(Persona(3), case).common for name, case in named.items()}
    assert expected["both in the opposite order"].temperature == np.inf
    assert expected["p0 was uniform"].temperature == np.inf
    assert expected["a token lost"].gap == np.inf
    for place, name in enumerate(named):
        for measured in ("temperature", "gap"):
            observable = f"shared_recovery_{measured}"
            _assert_close(observable, found[observable][place], getattr(expected[name], measured), name)


@pytest.mark.parametrize("temperature_on", ["both", "chooser", "tokens"])
def test_random_tables_have_the_common_temperature_that_a_search_finds(temperature_on: TemperatureOn) -> None:
    """Thirty pairs of tables, from nearly uniform to nearly one token in each row; T of the rows that have one."""
    walk = Persona(3, temperature_on)
    random, cases = np.random.default_rng(5), []
    for number in range(30):
        sharpness = (0.1, 1.0, 4.0, 30.0)[number % 4]
        tables = [sharpness * random.normal(size=(4, 8)) for _ in range(2)]
        if number % 3 == 0:
            tables[1] = tables[0] * random.choice([0.01, 0.3, 7.0]) + 0.3 * tables[1]
        for table in tables:
            table[0, 3:] = -np.inf
        start, now = (table.astype(np.float32) for table in tables)
        cases.append(Case(start, start, now, np.ones(4, bool), trace_length=1 + number % 5))
    found = measure(walk, cases, 8, ("structure",))
    for place, case in enumerate(cases):
        exact = Exact(walk, case)
        # Temperatures only where a search in float64 resolves what they minimise.
        resolved = {
            "shared_recovery_temperature": exact.common.gap - exact.common.fixed,
            "shared_effective_temperature": exact.from_start.gap - exact.from_start.fixed,
        }
        for name in _OF_ALL_ROWS:
            if resolved.get(name, 1) < 1e-9:
                continue
            _assert_close(name, found[name][place], DEFINITIONS[name].value(exact), f"pair {place}")
