"""What can be wrong, said so that the reader can mend it."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A sweep or study that cannot be used.

    key: the dotted key at fault, if there is one. source: the file it stands in, if there is one.
    """

    def __init__(self, key: str, problem: str, source: str | None = None):
        self.key, self.problem, self.source = key, problem, source
        super().__init__(": ".join(part for part in (source, key, problem) if part))


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """ " (did you mean 'entropy'?)", or what is allowed where nothing is near."""
    allowed = list(allowed)
    near = difflib.get_close_matches(word, allowed, n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f"; allowed: {', '.join(sorted(allowed))}"
