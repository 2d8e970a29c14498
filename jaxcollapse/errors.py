"""What can be wrong, said so that the reader can mend it."""

import difflib
from collections.abc import Iterable
from typing import Any

_SHOWN = 80  # characters of a value in a message


class InputError(ValueError):
    """A sweep or study that cannot be used.

    key: the dotted key at fault, if there is one. source: the file it stands in, if there is one.
    """

    def __init__(self, key: str, problem: str, source: str | None = None):
        self.key, self.problem, self.source = key, problem, source
        told = ": ".join(part for part in (source, key, problem) if part)
        super().__init__(told.replace("\n", "\\n"))  # one line, whatever a key is called


def shown(value: Any) -> str:
    """A value as a message shows it: as Python writes it, cut where that is long."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write out numbers of thousands of digits
        return "a number of too many digits"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """ " (did you mean 'entropy'?)", or what is allowed where nothing is near."""
    allowed = list(allowed)
    near = difflib.get_close_matches(word, allowed, n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f"; allowed: {', '.join(sorted(set(allowed)))}"
