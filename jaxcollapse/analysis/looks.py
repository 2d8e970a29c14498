"""How what became of a cell looks, in every picture: a colour, a marker and a letter for each word.

The colours differ for colour-blind readers. In grey print they differ by their lightness: *unchanged* is the lightest,
*collapsed* the darkest.
"""

from typing import NamedTuple

from jaxcollapse.analysis.verdict import VERDICTS


class Look(NamedTuple):
    """How a word looks.

    Attributes:
        colour: the colour of a cell or a point.
        ink: the colour of text on it.
        marker: the marker of a point, by its name in Bokeh.
        letter: what is written where the word finds no room.
    """

    colour: str
    ink: str
    marker: str
    letter: str


FOREVER, UNKNOWN = "#d55e00", "#dddddd"  # an infinite value of an observable, and none
_BLACK, _WHITE = "#000000", "#ffffff"
LOOKS = {
    "unchanged": Look("#e0f2f7", _BLACK, "circle", "u"),
    "cooled": Look("#2f75bd", _WHITE, "inverted_triangle", "c"),
    "heated": Look("#ee8f86", _BLACK, "triangle", "h"),
    "distorted": Look("#ead317", _BLACK, "hex", "d"),
    "forgetting": Look("#9c3600", _WHITE, "square", "f"),
    "collapsed": Look("#240a24", _WHITE, "diamond", "×"),
    # What became of right answers.
    "sharper": Look("#2f75bd", _WHITE, "triangle", "s"),
    "narrowed": Look("#ead317", _BLACK, "hex", "n"),
    "lost": Look("#9c3600", _WHITE, "square", "l"),
    "worse": Look("#ee8f86", _BLACK, "inverted_triangle", "w"),
    "missing": Look("#ffffff", "#5f6368", "circle", ""),
    "diverged": Look("#8c8c8c", _BLACK, "cross", "!"),
    "": Look("#ffffff", _BLACK, "circle", ""),  # no cell
    # Words of datasets whose observables are too few for verdicts.
    "recoverable": Look("#2f75bd", _WHITE, "circle", "r"),
    "forgotten": Look("#9c3600", _WHITE, "square", "f"),
    "changed": Look("#ead317", _BLACK, "square", "c"),
}


def letters() -> str:
    """A key to the letters of the verdicts: "u unchanged, c cooled, …"."""
    return ", ".join(f"{LOOKS[word].letter} {word}" for word in VERDICTS)
