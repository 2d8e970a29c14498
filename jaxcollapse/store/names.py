"""Names along the dimensions token, context and persona of a dataset.

Where all initial distributions agree on them, they are the dimension's coordinate. Else the dimension is numbered, and
a second coordinate, such as `token_label`, has the names of each, along the axes that they change with.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxcollapse.distributions import Distribution
from jaxcollapse.distributions.recognition import recall
from jaxcollapse.observables.snapshot import LENGTH
from jaxcollapse.planning.library import Library
from jaxcollapse.walks.sequence import Sequence as Traces

Names = Sequence[np.ndarray | None]


def names_of_tokens(library: Library, which: xr.Variable) -> dict[str, xr.Variable]:
    """Labels of the tokens, and further coordinates that an initial distribution has of them, such as a language.

    Args:
        library: the initial distributions.
        which: the number of each cell's, along the axes that it changes with.
    """
    given = [entry.given for entry in library.entries]
    sizes, longest = [each.size for each in given], max(given, key=lambda each: each.size)
    labels = [each.labels for each in given]
    if _begin_alike(labels, longest.labels):
        made = {"token": _along("token", longest.size, longest.labels)}
    else:
        numbers = _along("token", longest.size, None, "token number")
        made = {"token": numbers, "token_label": _beside("token", longest.size, labels, sizes, which)}
    for name in dict.fromkeys(name for each in given for name in each.coordinates):
        values = [each.coordinates.get(name) for each in given]
        if _begin_alike(values, longest.coordinates.get(name)):
            made[name] = _along("token", longest.size, longest.coordinates[name], name)
        else:
            blank = [np.full(each.size, "") if own is None else own for each, own in zip(given, values, strict=True)]
            made[name] = _beside("token", longest.size, blank, sizes, which, name)
    return made


def names_of_contexts(library: Library, which: xr.Variable) -> dict[str, xr.Variable]:
    """Names of the rows of tables: what a token is drawn given, and what comes before."""
    named = [entry.walk.is_structured and _has_names(entry.given) for entry in library.entries]
    names = [entry.walk.names(entry.given) for entry in library.entries]
    sizes = [entry.walk.contexts for entry in library.entries]
    return _rows("context", names, sizes, which, any(named))


def names_of_personas(library: Library, which: xr.Variable) -> dict[str, xr.Variable]:
    """Names of the personas."""
    names = [entry.given.rows for entry in library.entries]
    sizes = [entry.walk.contexts - 1 for entry in library.entries]
    return _rows("persona", names, sizes, which, any(each is not None for each in names))


def names_of_sources(library: Library, which: xr.Variable) -> dict[str, xr.Variable]:
    """Names of the texts that networks have learned, and how often held-out pieces of each are recognised."""
    texts = [entry.given.text for entry in library.entries]
    names = [None if text is None else np.array(text.names) for text in texts]
    sizes = [1 if text is None else len(text.texts) for text in texts]
    width = max(sizes)
    found = np.full((len(texts), width), np.nan)
    for row, entry, text in zip(found, library.entries, texts, strict=True):
        if text is not None and isinstance(entry.walk, Traces):
            row[: len(text.texts)] = recall(text, min(LENGTH, entry.walk.drawn))
    told = {
        "long_name": "share of held-out texts that are recognised",
        "units": "1",
        "description": "Share of the pieces of each text's held-out part, as long as sampled texts, for which "
        "`source_share` finds that text.",
    }
    made = _rows("source", names, sizes, which, any(each is not None for each in names))
    if (found == found[0]).all():
        return {**made, "source_recall": xr.Variable("source", found[0], told)}
    return {**made, "source_recall": xr.Variable((*which.dims, "source"), found[which.values], told)}


def _has_names(given: Distribution) -> bool:
    return given.labels is not None or given.rows is not None


def _rows(dim: str, names: Names, sizes: list[int], which: xr.Variable, named: bool) -> dict[str, xr.Variable]:
    """Names along a dimension, if all agree on all of them, else numbers, with names next to them if there are any."""
    first, width = names[0], max(sizes)
    if (
        first is not None
        and len(first) == width
        and all(each is not None and np.array_equal(each, first) for each in names)
    ):
        return {dim: _along(dim, width, first)}
    made = {dim: _along(dim, width, None)}
    return {**made, f"{dim}_label": _beside(dim, width, names, sizes, which)} if named else made


def _begin_alike(names: Names, longest: np.ndarray | None) -> bool:
    """Whether all have the same names, as far as they go; or none has any."""
    if longest is None:
        return all(each is None for each in names)
    return all(each is not None and bool((longest[: len(each)] == each).all()) for each in names)


def _along(dim: str, width: int, names: np.ndarray | None, long_name: str = "") -> xr.Variable:
    values = np.arange(width, dtype=np.int32) if names is None else names
    return xr.Variable(dim, values, {"long_name": long_name or dim, "units": "1"})


def _beside(
    dim: str, width: int, names: Names, sizes: list[int], which: xr.Variable, long_name: str = ""
) -> xr.Variable:
    """The names of each cell, numbers where it has none, and nothing beyond its own."""
    rows = np.full((len(names), width), "", object)
    for row, own, size in zip(rows, names, sizes, strict=True):
        row[:size] = (np.arange(size) if own is None else own).astype(str)
    told = {"long_name": long_name or dim, "units": "1"}
    return xr.Variable((*which.dims, dim), rows.astype(str)[which.values], told)
