"""NumPy's archives of arrays."""

import zipfile
from pathlib import Path

import numpy as np

from jaxcollapse.distributions.formats.contents import Contents, Wanted
from jaxcollapse.distributions.labels import as_names, chosen_labels, names_tokens
from jaxcollapse.limits import MOST_NUMBERS

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_TEXT = "US"
_NOT_REAL = "cmMV"  # complex numbers, times and records, which NumPy would turn into other numbers


def variable_of(path: Path, wanted: Wanted) -> str:
    """The array that is meant: by default the only one that could be numbers."""
    return _chosen(_kinds(path), wanted)[0]


def read(path: Path, wanted: Wanted) -> Contents:
    """An array, and labels from another one."""
    kinds = _kinds(path)
    name, labels = _chosen(kinds, wanted)
    if kinds[name] in _NOT_REAL:
        raise ValueError(f"{name} does not hold real numbers")
    with np.load(path, allow_pickle=False) as file:
        names = None if labels is None else np.atleast_1d(file[labels])
        return Contents(name, np.asarray(file[name], float), _flat(names))


def _flat(names: np.ndarray | None) -> np.ndarray | None:
    """Names, if they are in a row; else the array as it is, so that a message can give its shape."""
    return names if names is None or names.ndim > 1 else as_names(names)


def _chosen(kinds: dict[str, str], wanted: Wanted) -> tuple[str, str | None]:
    """The array of numbers, and the one of labels."""
    others = [name for name in kinds if name != wanted.labels and not names_tokens(name)]
    others = [name for name in others if kinds[name] not in _TEXT] or others
    name = wanted.choose(list(kinds) if wanted.variable is not None else others)
    rest = {each: kind for each, kind in kinds.items() if each != name}
    return name, chosen_labels(wanted.labels, rest, lambda: [each for each, kind in rest.items() if kind in _TEXT])


def _kinds(path: Path) -> dict[str, str]:
    """The letter of each array's type, by its name: U and S are text.

    Raises:
        ValueError: it is not such an archive, or one that unpacks to more than is read.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not an npz archive")
    kinds: dict[str, str] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():  # what is unpacked may be a thousand times as large
            if entry.file_size > 8 * MOST_NUMBERS:
                raise ValueError(f"{entry.filename} has {entry.file_size} bytes; at most {8 * MOST_NUMBERS}")
            with archive.open(entry) as file:
                _, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
            kinds[entry.filename.removesuffix(".npy")] = dtype.kind
    return kinds
