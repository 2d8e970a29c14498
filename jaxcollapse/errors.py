"""What can be wrong, said so that the reader can fix it."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

_SHOWN = 80  # characters of a value in a message
_LONGEST = 1000  # characters of a message
_SEARCHED = 100_000  # words of up to `_SHOWN` characters among which the nearest one is looked for
_LISTED = 60  # words that are all listed
REPORTED = 20  # faults of one sweep
_MEANT = {  # what others call it
    **dict.fromkeys(("lr", "eta", "step_size", "stepsize"), "learning_rate"),
    **dict.fromkeys(("vocab", "V", "num_tokens", "n_tokens", "vocabulary_size"), "vocab_size"),
    **dict.fromkeys(("bs", "B", "batchsize", "minibatch_size"), "batch_size"),
    **dict.fromkeys(("T", "temp", "tau"), "temperature"),
    **dict.fromkeys(("N", "n", "n_samples", "num_samples", "sample_size"), "samples"),
    **dict.fromkeys(("K", "n_steps", "num_steps", "iterations"), "steps"),
    **dict.fromkeys(("opt", "optim"), "optimizer"),
    **dict.fromkeys(("p0", "init", "prior"), "initial"),
    **dict.fromkeys(("epochs", "rounds", "n_generations"), "generations"),
    **dict.fromkeys(("seeds", "repeats", "repetitions", "n_replicates"), "replicates"),
    **dict.fromkeys(("beta1",), "b1"),
    **dict.fromkeys(("beta2",), "b2"),
    **dict.fromkeys(("wd",), "weight_decay"),
    **dict.fromkeys(("kl_coef", "kl_weight"), "reverse_kl"),
    **dict.fromkeys(("grad_clip", "max_grad_norm", "clip"), "clip_norm"),
}


class InputError(ValueError):
    """A sweep or study that cannot be used.

    Attributes:
        key: the dotted key at fault; empty if there is none.
        problem: what is wrong, as the message says it.
        source: the file that has the key; None if it is not from a file.
    """

    def __init__(self, key: str, problem: str, source: str | None = None):
        self.key, self.problem, self.source = cut(key), cut(problem, _LONGEST), source
        super().__init__(printable(": ".join(part for part in (source, self.key, self.problem) if part)))

    def __reduce__(self) -> "tuple[type[InputError], tuple[str, str, str | None]]":
        """For pickle: a worker sends this error to the process that asked."""
        return type(self), (self.key, self.problem, self.source)

    @property
    def errors(self) -> "tuple[InputError, ...]":
        """All that is wrong: this error, or those that it combines."""
        return (self,)

    def of(self, source: str) -> "InputError":
        """The same error of a file."""
        return InputError(self.key, self.problem, source)


class CombinedInputError(InputError):
    """Several faults of one sweep. The message has a line for each; `key` and `problem` are those of the first.

    Args:
        errors: the faults, at least one.
    """

    def __init__(self, errors: Iterable[InputError]):
        self._errors = tuple(errors)
        first = self._errors[0]
        super().__init__(first.key, first.problem, first.source)
        self.args = ("\n".join(map(str, self._errors)),)

    def __reduce__(self) -> Any:
        return type(self), (self._errors,)

    @property
    def errors(self) -> tuple[InputError, ...]:
        """The faults, in the order of the checks."""
        return self._errors

    def of(self, source: str) -> InputError:
        """The same errors of a file."""
        return CombinedInputError(error.of(source) for error in self._errors)


class Faults:
    """Collects the input errors of independent checks, so that they are reported together.

    Attributes:
        wrong: the error of each field whose value cannot be used. Checks of other fields leave these out.
    """

    def __init__(self) -> None:
        self.wrong: dict[str, InputError] = {}
        self._found: dict[tuple[str, str], InputError] = {}

    @contextmanager
    def collected(self, *fields: str) -> Iterator[None]:
        """Keeps an `InputError` for later. The fields are those that it makes unusable."""
        try:
            yield
        except InputError as error:
            self._found |= {(each.key, each.problem): each for each in error.errors}
            self.wrong |= dict.fromkeys(fields, error)
            if len(self._found) >= REPORTED:
                self.check()

    def check(self) -> None:
        """Raises what was collected, if anything."""
        if self._found:
            raise together(list(self._found.values())) from None


def together(errors: list[InputError]) -> InputError:
    """One error for several, each maybe a combination itself; the first ones are reported."""
    single = [each for error in errors for each in error.errors]
    return single[0] if len(single) == 1 else CombinedInputError(single[:REPORTED])


def shown(value: Any) -> str:
    """A value as a message shows it: as Python writes it, cut where that is long.

    Of a long path the middle is left out, so that the name of the file is there.
    """
    try:
        text = repr(value)
        if len(text) > _SHOWN and isinstance(value, str | PurePath) and "/" in text:
            text = repr(cut_path(str(value), _SHOWN - (len(repr(str(value))) - len(str(value)))))
        return cut(text)
    except ValueError:  # Python does not write out numbers of thousands of digits
        return "a number of too many digits"


def cut(text: str, most: int = _SHOWN) -> str:
    """The beginning of a text that is longer than this many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def cut_path(path: str, most: int = _SHOWN) -> str:
    """A path of at most this many characters: its beginning, and the name of the file, or the end of a long name.

    A text without folders is cut like any other.
    """
    folders, slash, name = path.rpartition("/")
    if len(path) <= most or not slash:
        return cut(path, max(most, 1))
    least = min(len(folders), most // 4)
    end = f"{slash}{name}"[-(most - least - 1) :]
    return f"{path[: most - len(end) - 1]}…{end}"


def printable(text: object) -> str:
    """One line without terminal commands: anything but letters, signs and spaces is written as an escape."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """ " (did you mean 'entropy'?)", or what is allowed where nothing is near."""
    known = sorted(set(allowed))
    near = nearest(word, known)
    if near is not None:
        return f" (did you mean {shown(near)}?)"
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"; allowed: {', '.join(map(cut, known[:_LISTED]))}{more}"


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """What of this the word may have been meant to be, if anything is near."""
    known = sorted(set(allowed))[:_SEARCHED]
    if _MEANT.get(word) in known:
        return _MEANT[word]
    near = difflib.get_close_matches(word, known, n=1) if len(word) <= _SHOWN else []
    return near[0] if near else None
