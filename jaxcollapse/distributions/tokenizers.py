"""Real texts as sequences of tokens: characters, words or bytes."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxcollapse.distributions.allowed_paths import KEY, readable
from jaxcollapse.errors import InputError, cut_path
from jaxcollapse.limits import MOST_TEXT_BYTES

Tokenizer = Literal["characters", "words", "bytes"]


class Tokenized(NamedTuple):
    """A text as numbers.

    Attributes:
        tokens: the distinct tokens of the text, sorted.
        numbers: the tokens of the text in their order, [place], each as its place in `tokens`.
    """

    tokens: list[str]
    numbers: np.ndarray


def read_tokens(path: Path, tokenizer: Tokenizer, lowercase: bool) -> Tokenized:
    """The tokens of a text file.

    Args:
        path: the file.
        tokenizer: what a token is.
        lowercase: whether letters are made lower case first.

    Raises:
        InputError: the file cannot be read, is too large, is not UTF-8 (unless tokens are bytes), or has no tokens.
    """
    name = repr(cut_path(str(path)))
    try:
        content = _content(path, name)
    except OSError as error:
        raise InputError(KEY, f"{name} cannot be read: {error.strerror}") from None
    if tokenizer == "bytes":
        return _bytes(content)
    text = _decoded(content, name)
    found = TOKENIZERS[tokenizer](text.lower() if lowercase else text)
    if not found.tokens:
        raise InputError(KEY, f"{name} has no {tokenizer}")
    return found


def _content(path: Path, name: str) -> bytes:
    size = readable(path).stat().st_size
    if size > MOST_TEXT_BYTES:
        raise InputError(KEY, f"{name} has {size} bytes; a text may have at most {MOST_TEXT_BYTES}: cut it")
    return path.read_bytes()


def _decoded(content: bytes, name: str) -> str:
    """The text of a file in UTF-8, without a byte order mark; each end of a line is one line feed."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        told = f"{name} is not UTF-8 (byte {content[error.start]:#04x} at place {error.start}, counted from 0)"
        raise InputError(KEY, f"{told}; convert it, or use tokenizer = 'bytes'") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _bytes(content: bytes) -> Tokenized:
    """Bytes: printable ASCII characters have themselves as names, others their code in hexadecimal digits."""
    return _of_codes(np.frombuffer(content, np.uint8), lambda code: chr(code) if 32 <= code < 127 else f"\\x{code:02x}")


def _characters(text: str) -> Tokenized:
    """Characters, which are Unicode code points."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    return _of_codes(codes, chr)


def _of_codes(codes: np.ndarray, name: Callable[[int], str]) -> Tokenized:
    is_there = np.bincount(codes) > 0
    distinct, place = np.flatnonzero(is_there), np.cumsum(is_there) - 1
    return Tokenized([name(int(code)) for code in distinct], place[codes])


def _words(text: str) -> Tokenized:
    """Words, and all other characters but white space one by one.

    A word is a run of letters, digits, underscores and marks that belong to letters; it may have apostrophes inside.
    """
    marks = "".join(re.escape(each) for each in sorted(set(text)) if unicodedata.category(each).startswith("M"))
    letters = rf"[\w{marks}]+"
    found = re.findall(rf"{letters}(?:['’]{letters})*|[^\w\s]", text)
    tokens = sorted(set(found))
    place = {token: number for number, token in enumerate(tokens)}
    return Tokenized(tokens, np.fromiter((place[token] for token in found), np.int64, len(found)))


TOKENIZERS: Mapping[str, Callable[[str], Tokenized]] = {"characters": _characters, "words": _words}
