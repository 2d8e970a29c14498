"""Tables of text, one row for each token: csv with commas, with semicolons as spreadsheets write it, or with tabs.

The first row has the names of the columns and says which of the three separates them. Where it is a semicolon, numbers
may have decimal commas.
"""

import csv
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from jaxcollapse.distributions.formats.contents import Contents, Wanted
from jaxcollapse.distributions.labels import KEY, as_names, chosen_labels, names_tokens
from jaxcollapse.errors import InputError, shown
from jaxcollapse.limits import MOST_TOKENS

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_QUOTED = re.compile(r'"[^"]*"')
_LONGEST = 2**20  # characters of the first row
_SEPARATED = re.compile(r"[1-9]\d{0,2}([., ']\d{3})+([.,]\d+)?")


def variable_of(path: Path, wanted: Wanted) -> str:
    """The column that is meant: by default the only one that does not name tokens, or the only one of numbers."""
    return _chosen(_Table(path), wanted)


def read(path: Path, wanted: Wanted) -> Contents:
    """A column, and labels from another one."""
    table = _Table(path)
    name = _chosen(table, wanted)
    others = [each for each in table.head if each != name]
    column = chosen_labels(wanted.labels, others, lambda: sorted(table.texts(others), key=others.index))
    if column is not None:
        table.check_once(column)
    place, named = table.head.index(name), None if column is None else table.head.index(column)
    numbers, labels = array("d"), list[str]()
    for line, row in table.rows():
        if len(numbers) == MOST_TOKENS:
            raise ValueError(f"has more than {MOST_TOKENS} rows")
        numbers.append(table.number(line, name, row[place]))
        if named is not None:
            labels.append(row[named])
    if not numbers:
        raise ValueError("needs a row of column names and a row for each token")
    table.check_points(name)
    by_content = wanted.labels is None and column is not None and not names_tokens(column)
    if by_content and (len(set(labels)) < len(labels) or not all(labels)):
        told = f"{column!r} has empty or repeated entries; does it name the tokens?"
        raise InputError(KEY, f"{told} If so, give labels = {column!r}, else labels = false")
    return Contents(name, np.array(numbers), None if column is None else as_names(labels))


def _chosen(table: "_Table", wanted: Wanted) -> str:
    candidates = [name for name in dict.fromkeys(table.head) if name != wanted.labels and not names_tokens(name)]
    if wanted.variable is None and len(candidates) > 1:
        texts = table.texts(candidates)
        candidates = [name for name in candidates if name not in texts] or candidates
    name = wanted.choose(candidates if wanted.variable is None else table.head)
    if _is_number(name, table.delimiter):
        raise ValueError(f"its first row, {shown(name)}, contains numbers; it must name the columns")
    table.check_once(name)
    return name


@dataclass
class _Table:
    path: Path
    points: str = ""  # decimal points and commas of numbers so far
    is_fraction: bool = False  # whether one of them cannot be a separator of thousands

    @cached_property
    def delimiter(self) -> str:
        """The character that separates the columns."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            first = _QUOTED.sub("", file.readline(_LONGEST))
        found = [each for each in _DELIMITERS if each in first]
        if len(found) > 1:
            told = " and ".join(_DELIMITERS[each] for each in found)
            raise ValueError(f"its first row has {told}; put names that contain them in quotation marks")
        return found[0] if found else ","

    @cached_property
    def head(self) -> list[str]:
        """Names of the columns."""
        head = next(self._lines(), (0, []))[1]
        if not head:
            raise ValueError("needs a row of column names and a row for each token")
        return [name.strip() for name in head]

    def check_once(self, name: str) -> None:
        """Raises where it is not known which column is meant."""
        if (number := self.head.count(name)) > 1:
            raise ValueError(f"has {number} columns {shown(name)}")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The other rows, and on which line each ends."""
        lines = self._lines()
        next(lines, None)
        for line, row in lines:
            if len(row) != len(self.head):
                raise ValueError(f"line {line} has {len(row)} columns, and the first row has {len(self.head)}")
            yield line, row

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, delimiter=self.delimiter, strict=True)
                for row in filter(None, reader):
                    if any(self.delimiter in cell and "\n" in cell for cell in row):
                        raise ValueError(f'line {reader.line_num}: a quotation mark is not closed; write it as """"')
                    yield reader.line_num, row
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8 text; save it as UTF-8") from None

    def texts(self, columns: Collection[str]) -> set[str]:
        """Names of those of the columns in which a value is not a number."""
        left, found = {name: self.head.index(name) for name in columns}, set[str]()
        for _, row in self.rows():
            found |= {name for name, place in left.items() if row[place] and not _is_number(row[place], self.delimiter)}
            left = {name: place for name, place in left.items() if name not in found}
            if not left:
                break
        return found

    def number(self, line: int, name: str, cell: str) -> float:
        """A cell's number; a decimal comma is welcome where none separates columns.

        Raises:
            ValueError: it is not one, or the column has decimal points and commas.
        """
        if not _is_number(cell, self.delimiter):
            hint = "; write it without thousands separators" if _SEPARATED.fullmatch(cell.strip()) else ""
            raise ValueError(f"line {line}: {shown(cell)} in column {shown(name)} is not a number{hint}")
        for point in ".,":
            if point in cell and point not in self.points:
                self.points += point
        if len(self.points) > 1:
            raise ValueError(f"line {line}: column {shown(name)} has decimal points and decimal commas")
        self.is_fraction |= "." in cell and not _SEPARATED.fullmatch(cell.strip())
        return _number(cell, self.delimiter)

    def check_points(self, name: str) -> None:
        """Raises where all points of a column may be separators of thousands, as decimal commas are with semicolons."""
        if self.delimiter == ";" and self.points == "." and not self.is_fraction:
            raise ValueError(f"column {shown(name)} may have points as thousands separators; write it without them")


def _number(cell: str, delimiter: str) -> float:
    return float(cell.replace(",", ".") if delimiter == ";" else cell)


def _is_number(cell: str, delimiter: str) -> bool:
    try:
        _number(cell, delimiter)
    except ValueError:
        return False
    return True
