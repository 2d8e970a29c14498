"""Hypothesis strategies for sweeps, as the tables of a sweep file. They hold what a user could write and means."""

import math
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Table = dict[str, Any]

WORDS = st.text("abcdefghij", min_size=1, max_size=4)
COUNTS = st.one_of(st.integers(1, 1000), st.just(math.inf))
SHARES = st.floats(0, 1)

FIELDS: dict[str, SearchStrategy[Any]] = {
    "vocab_size": st.integers(1, 4096),
    "temperature": st.one_of(st.floats(0, 5), st.just(math.inf), st.integers(0, 3)),
    "top_k": COUNTS,
    "top_p": st.floats(0, 1, exclude_min=True),
    "min_p": SHARES,
    "corpus": st.sampled_from(["replace", "accumulate"]),
    "fresh_fraction": SHARES,
}
GRADIENT: dict[str, SearchStrategy[Any]] = {
    "optimizer": st.sampled_from(["sgd", "adam", "adamw", "rmsprop", "sign_sgd"]),
    "optimizer_state": st.sampled_from(["carried", "fresh"]),
    "learning_rate": st.floats(0, 1e6),
    "batch_size": COUNTS,
    "steps": st.integers(1, 8),
}
REFIT: dict[str, SearchStrategy[Any]] = {
    "samples": COUNTS,
    "mixing": st.floats(0, 1, exclude_min=True),
}
RANGES = {
    "vocab_size": (1, 4096),
    "temperature": (0.1, 5),
    "learning_rate": (1e-3, 1e3),
    "batch_size": (1, 1000),
    "samples": (1, 1000),
    "initial.exponent": (0.5, 3),
}


@st.composite
def values_tables(draw: DrawFn) -> Table:
    """An initial distribution written out."""
    size = draw(st.integers(1, 4))
    if draw(st.booleans()):
        numbers = draw(st.lists(st.floats(0, 10), min_size=size - 1, max_size=size - 1))
        table = {"kind": "values", "probabilities": [1.0, *numbers]}
    else:
        numbers = draw(
            st.lists(st.one_of(st.floats(-50, 50), st.just(-math.inf)), min_size=size - 1, max_size=size - 1)
        )
        table = {"kind": "values", "logits": [0.0, *numbers]}
    if draw(st.booleans()):
        table["tokens"] = draw(st.lists(st.text(max_size=3), min_size=size, max_size=size))
    return table


@st.composite
def word_tables(draw: DrawFn) -> Table:
    """Words of some languages."""
    languages = draw(st.lists(st.sampled_from(["en", "vi", "de", "tr"]), min_size=1, unique=True))
    table = {"kind": "words", "languages": languages}
    if draw(st.booleans()):
        table["weights"] = draw(st.lists(st.floats(0.1, 9), min_size=len(languages), max_size=len(languages)))
    return table


def file_tables() -> SearchStrategy[Table]:
    """Distributions from files, which need not be there to be spoken of."""
    return st.fixed_dictionaries(
        {"kind": st.just("file"), "path": WORDS.map(lambda word: f"data/{word}.nc")},
        optional={
            "variable": WORDS,
            "values": st.sampled_from(["logits", "probabilities"]),
            "select": st.dictionaries(WORDS, st.one_of(WORDS, st.integers(0, 9)), max_size=2),
            "top": st.integers(1, 99),
        },
    )


def sized_tables() -> SearchStrategy[Table]:
    """Initial distributions of `vocab_size` tokens."""
    exponents = st.floats(-3, 3)
    return st.one_of(
        st.just({"kind": "uniform"}),
        st.fixed_dictionaries({"kind": st.just("zipf")}, optional={"exponent": exponents}),
        st.fixed_dictionaries(
            {"kind": st.just("zipf_mandelbrot")}, optional={"exponent": exponents, "shift": st.floats(0, 9)}
        ),
        st.fixed_dictionaries(
            {"kind": st.just("dirichlet")}, optional={"concentration": st.floats(0.01, 99), "shared": st.booleans()}
        ),
        word_tables(),
    )


def initial_tables(*, files: bool = True) -> SearchStrategy[Table]:
    """Initial distributions of every kind."""
    return st.one_of(sized_tables(), values_tables(), *([file_tables()] if files else []))


@st.composite
def records(draw: DrawFn) -> Table:
    """Which generations are recorded."""
    table: Table = {"logits": draw(st.booleans())} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        return {**table, "every": draw(st.integers(1, 500))}
    spread = {"spacing": st.sampled_from(["log", "linear"]), "points": st.integers(2, 60)}
    return {**table, **draw(st.fixed_dictionaries({}, optional=spread))}


@st.composite
def axes(draw: DrawFn, field: str, values: SearchStrategy[Any]) -> Any:
    """What stands behind an axis of a field: a list, or a range where it has one."""
    if field in RANGES and draw(st.booleans()):
        ends = sorted(draw(st.lists(st.floats(*RANGES[field]), min_size=2, max_size=2)), reverse=draw(st.booleans()))
        form = draw(st.sampled_from(["linspace", "geomspace"]))
        number = draw(st.integers(1, 4)) if f"{ends[0]:.9g}" != f"{ends[1]:.9g}" else 1
        return {form: [*ends, number]}
    return draw(st.lists(values, min_size=1, max_size=3, unique=True))


@st.composite
def zips(draw: DrawFn, fields: dict[str, SearchStrategy[Any]]) -> Table:
    """Several fields along one dimension; no two rows are equal."""
    rows = draw(st.lists(st.tuples(*fields.values()), min_size=1, max_size=3, unique=True))
    return {"zip": dict(zip(fields, (list(column) for column in zip(*rows, strict=True)), strict=True))}


@st.composite
def starts(draw: DrawFn, *, files: bool = True) -> tuple[Table, Table]:
    """Constants and axes that say what p0 is, with its number of tokens."""
    form = draw(st.sampled_from(["default", "constant", "axis", "nested"]))
    if form == "default":
        return {}, {}
    if form == "nested":
        table = {"kind": draw(st.sampled_from(["zipf", "zipf_mandelbrot"]))}
        return {"initial": table}, {"initial.exponent": draw(axes("initial.exponent", st.floats(-3, 3)))}
    if form == "axis":
        return {}, {"initial": draw(st.lists(sized_tables(), min_size=1, max_size=3, unique_by=_without_defaults))}
    return {"initial": draw(initial_tables(files=files))}, {}


@st.composite
def sweeps(draw: DrawFn, *, files: bool = True) -> Table:
    """A sweep of up to four axes. files: whether p0 may come from a file."""
    constants, swept = draw(starts(files=files))
    update = draw(st.sampled_from(["gradient", "refit"]))
    fields = {**FIELDS, **(GRADIENT if update == "gradient" else REFIT)}
    if constants.get("initial", {}).get("kind") in ("values", "file"):
        del fields["vocab_size"]
    chosen = draw(st.lists(st.sampled_from(list(fields)), max_size=6, unique=True))
    if update == "refit":
        constants["update"] = "refit"
        chosen = ["samples", *(field for field in chosen if field != "samples")]
    along, tied = chosen[:2], chosen[2:4] if draw(st.booleans()) else []
    swept |= {field: draw(axes(field, fields[field])) for field in along}
    if tied:
        swept["tied"] = draw(zips({field: fields[field] for field in tied}))
    constants |= {field: draw(fields[field]) for field in chosen if field not in [*along, *tied]}
    top = {
        "title": st.text(max_size=20),
        "seed": st.integers(0, 2**63 - 1),
        "replicates": st.integers(1, 1000),
        "generations": st.integers(0, 1000),
        "record": records(),
        "observables": st.lists(st.sampled_from(["default", "all", "events", "entropy"]), min_size=1),
        "support_threshold": st.floats(0, 0.5),
        "collapse_threshold": st.floats(0, 0.5),
        "precision": st.sampled_from(["float32", "float64"]),
        "common_random_numbers": st.lists(st.sampled_from([*swept, "temperature"]), max_size=2),
    }
    table: Table = draw(st.fixed_dictionaries({}, optional=top))
    order = draw(st.permutations(list(swept)))
    return {**table, "process": constants, "axes": {name: swept[name] for name in order}}


def _without_defaults(table: Table) -> str:
    defaults = {"exponent": 1.0, "shift": 2.7, "concentration": 1.0, "shared": False, "languages": ["en"]}
    return repr(sorted((key, value) for key, value in table.items() if defaults.get(key) != value))
