"""The headline is true: each sentence is read again, and compared with the cells that it speaks of."""

import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxcollapse.analysis import labels
from jaxcollapse.analysis.verdict import VERDICTS
from jaxcollapse.report.answer import answer_of
from jaxcollapse.report.axes import PointField, ShownAxis
from jaxcollapse.report.boxes import boxes, told
from jaxcollapse.report.headline import Point
from jaxcollapse.report.outcome import outcome_of
from tests.report.known import known

INF = float("inf")
AXES: dict[str, list[Any]] = {
    "temperature": [1.0, 0.5, 2.0, 0.8],
    "samples": [1.0, 16.0, 256.0, INF],
    "optimizer": ["sgd", "adam", "lion"],
}
SAFE, BACK = {"unchanged"}, {"cooled", "heated"}
LOST = set(VERDICTS) - SAFE - BACK
UNKNOWN = {"missing", "diverged"}


def headline(axes: dict[str, list[Any]], words: np.ndarray) -> list[Point]:
    data = known(axes, words, replicates=3)
    return answer_of(data, outcome_of(data)).headline


def clause(text: str, axes: dict[str, list[Any]]) -> np.ndarray:
    """The cells of "temperature ≤ 1, samples from 1 to 16 and optimizer sgd or adam"."""
    mask = np.ones([len(values) for values in axes.values()], bool)
    names = "|".join(axes)
    parts = re.findall(rf"({names}) (.*?)(?:(?:, | and )(?=(?:{names}) )|$)", text)
    assert parts, text
    for name, said in parts:
        values, place = axes[name], list(axes).index(name)
        if isinstance(values[0], str):
            fits = [value in re.split(", | or ", said) for value in values]
        else:
            sign, low, high = re.fullmatch(r"(≤ |≥ |from )?(\S+)(?: to (\S+))?", said).groups()  # type: ignore[union-attr]
            least = -INF if sign == "≤ " else number(low)
            most = number(high) if high else INF if sign == "≥ " else number(low)
            fits = [least <= value <= most for value in values]
        mask &= np.array(fits).reshape([-1 if axis == place else 1 for axis in range(mask.ndim)])
    return mask


def number(said: str) -> float:
    return INF if said == "∞" else float(said)


def check_where(text: str, cells: np.ndarray, axes: dict[str, list[Any]]) -> None:
    """The clauses of a sentence hold nothing but these cells, and all of them unless it says "among them"."""
    if " all with " not in text:
        return
    before, _, after = text.removesuffix(".").partition("all with ")
    masks = [clause(each, axes) for each in after.split("; all with ")]
    for mask in masks:
        assert mask.any()
        assert cells[mask].all(), text
    assert before.endswith((": ", ", among them "))
    if before.endswith(": "):
        assert (np.any(masks, axis=0) == cells).all(), text


def counts(text: str) -> list[int]:
    return [int(each) for each in re.findall(r"\b(\d+)\b(?= (?:of|known|cells|come|cannot))", text)]


@st.composite
def grids(draw: st.DrawFn) -> tuple[dict[str, list[Any]], np.ndarray]:
    """Axes, and words of cells: few boxes of one word each, with some noise."""
    axes = {name: values[: draw(st.integers(1, len(values)))] for name, values in AXES.items()}
    shape = [len(values) for values in axes.values()]
    words = st.sampled_from([*VERDICTS, "missing", "diverged"])
    table = np.full(shape, draw(words), "U10")
    for _ in range(draw(st.integers(0, 4))):
        ends = [sorted(draw(st.tuples(st.integers(0, size), st.integers(0, size)))) for size in shape]
        table[tuple(slice(*end) for end in ends)] = draw(words)
    return axes, table


@settings(max_examples=150, deadline=None)
@given(grids())
def test_every_sentence_of_the_headline_is_true(grid: tuple[dict[str, list[Any]], np.ndarray]) -> None:
    axes, table = grid
    if table.size == 1:
        return
    safe, back, lost, unknown = (np.isin(table, list(words)) for words in (SAFE, BACK, LOST, UNKNOWN))
    points = headline(axes, table)
    said = {point.lead: point.text for point in points if point.lead}
    if unknown.all():
        assert said == {}
        assert points[0].text.startswith(f"Nothing is known of the {table.size} cells")
        return
    changed = int((back | lost).sum())
    assert ("Comes back" in said) == (changed > 0)
    assert ("Is lost" in said) == bool(lost.any())
    assert ("Not known" in said) == bool(unknown.any())
    for lead, cells in (("Safe", safe), ("Comes back", back), ("Is lost", lost)):
        check_where(said.get(lead, ""), cells, axes)

    known_ones = int((~unknown).sum())
    if safe.any() and changed:
        assert counts(said["Safe"])[:2] == [int(safe.sum()), known_ones]
    elif changed:
        assert said["Safe"].startswith("No cell is safe")
    else:
        assert re.match("(All|The only known)", said["Safe"])
    for lead, cells in (("Comes back", back), ("Is lost", lost)):
        if lead not in said or changed == 1:
            continue
        number_of = int(cells.sum())
        none = f"None of the {changed} cells that changed"
        start = {0: f"{none} comes", changed: f"All {changed} cells that changed come"}
        if lead == "Is lost":
            start = {changed: f"{none} can be brought back"}
        assert said[lead].startswith(start.get(number_of, f"Of the {changed} cells that changed, {number_of} c"))
    for word, where in (("cooled", "T = 2"), ("heated", "T = 0.5"), *((word, "") for word in LOST)):
        if number_of := int((table == word).sum()):
            lead = "Is lost" if word in LOST else "Comes back"
            others = len(set(table[back if lead == "Comes back" else lost].tolist())) > 1
            text = f"{number_of} {word}" if others else f"({word}"
            assert f"{text} at {where}" in said[lead] if where else text in said[lead]
    if unknown.any():
        assert f"of {table.size} cells" in said["Not known"]


@settings(max_examples=100, deadline=None)
@given(grids())
def test_the_boundary_is_crossed_as_often_as_is_said(grid: tuple[dict[str, list[Any]], np.ndarray]) -> None:
    axes, table = grid
    data = known(axes, table, replicates=3)
    answer = answer_of(data, outcome_of(data))
    lines = [point.text for point in answer.headline if point.lead == "Boundary"] + answer.along
    for line in lines:
        (name,) = re.findall(r"As (\w+) grows?", line)
        place = list(axes).index(name)
        order = np.argsort(axes[name])
        rows = np.moveaxis(table, place, -1).reshape(-1, len(order))[:, order]
        rows = rows[~np.isin(rows, list(UNKNOWN)).any(axis=1)]
        lost = np.isin(rows, list(LOST))
        begins = [row for row in lost if not row[0] and row[-1] and (np.diff(row.astype(int)) != 0).sum() == 1]
        ends = [row for row in lost if row[0] and not row[-1] and (np.diff(row.astype(int)) != 0).sum() == 1]
        same = [row for row in lost if row.all() or not row.any()]
        if len(lost) == 1:
            continue
        found = {
            "begins at": len(begins),
            "ends after": len(ends),
            "begins or ends more than once": len(lost) - len(begins) - len(ends) - len(same),
            "nothing changes": len(same),
        }
        for what, number_of in found.items():
            match = re.search(rf"{what}(?: [^,]*?)? in (\d+)", line)
            assert (int(match[1]) if match else 0) == number_of, line
    crossed = [name for name in axes if name != "optimizer" and re.search(rf"As {name} ", " ".join(lines))]
    assert len(crossed) == len(lines)


@given(st.data())
def test_boxes_hold_nothing_else_and_cannot_grow(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    orders = [data.draw(st.none() | st.permutations(range(size)).map(tuple)) for size in shape]
    axes = [
        ShownAxis(f"axis{number}", f"axis{number}", "", tuple(map(str, range(size))), order)
        for number, (size, order) in enumerate(zip(shape, orders, strict=True))
    ]
    cells = np.array(data.draw(st.lists(st.booleans(), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))))
    cells = cells.reshape(shape)
    found = boxes(cells, axes, 50)
    covered = np.zeros_like(cells)
    for box in found:
        assert cells[np.ix_(*box)].all()
        covered[np.ix_(*box)] = True
        for place, axis in enumerate(axes):
            ranks = list(range(len(axis))) if axis.order is None else list(axis.order)
            inside = [ranks.index(each) for each in box[place]]
            assert axis.order is None or inside == list(range(inside[0], inside[0] + len(inside)))
            nearby = set(ranks) - set(box[place])
            if axis.order is not None:
                nearby &= {ranks[each] for each in (inside[0] - 1, inside[-1] + 1) if 0 <= each < len(ranks)}
            for value in nearby:
                slab = cells[np.ix_(*(*box[:place], (value,), *box[place + 1 :]))]
                assert not slab.all(), "it could have grown"
    assert (covered == cells).all()


def test_the_headline_answers_the_title_in_order() -> None:
    table = np.full((3, 4), "unchanged", "U10")
    table[2, :2], table[0, :], table[1, 0] = "forgetting", "collapsed", "cooled"
    points = headline({"temperature": [0.5, 1.0, 2.0], "samples": [1.0, 16.0, 256.0, INF]}, table)
    assert [(point.lead, point.text) for point in points] == [
        (
            "Safe",
            "5 of 12 cells are unchanged after 50 generations: all with temperature ≥ 1 and samples ≥ 256; "
            "all with temperature 1 and samples ≥ 16.",
        ),
        (
            "Comes back",
            "Of the 7 cells that changed, 1 comes back at another sampling temperature (cooled at T = 2): "
            "all with temperature 1 and samples 1.",
        ),
        (
            "Is lost",
            "Of the 7 cells that changed, 6 cannot be brought back by any sampling temperature (2 forgetting, "
            "4 collapsed): all with temperature 0.5; all with temperature 2 and samples ≤ 16.",
        ),
        (
            "Boundary",
            "As samples grow and all else is fixed, loss ends after 16 in 1 of 3 cases and nothing changes in 2.",
        ),
    ]


@pytest.mark.parametrize("words", list(product(["unchanged", "heated", "forgetting", "missing"], repeat=2)))
def test_two_cells_make_whole_sentences(words: tuple[str, str]) -> None:
    for point in headline({"temperature": [0.5, 1.0]}, np.array(words)):
        assert re.fullmatch(r"[A-Z0-9].*[^.]\.", point.text)
        assert not re.search(r"\b1 (come|are|cells)\b|  |\bare is\b", point.text), point.text


def test_a_box_names_the_axes_that_it_does_not_have_whole() -> None:
    axes = [ShownAxis("a", "a", "a", tuple("1234"), (0, 1, 2, 3)), ShownAxis("b", "b", "b", tuple("xyz"), None)]
    assert told(((0, 1, 2, 3), (0, 2)), axes) == "b x or z"
    assert told(((1, 2), (0, 1, 2)), axes) == "a from 2 to 3"
    assert told(((0, 1), (1,)), axes) == "a ≤ 2 and b y"


def test_scattered_points_are_told_by_their_number_and_by_ranges_that_hold_them() -> None:
    """However many points there are, a sentence is short; each range is that of its points and says something."""
    generator = np.random.default_rng(4)
    rate, temperature = 10 ** generator.uniform(-2, 1, 200), generator.uniform(0.8, 1.2, 200)
    words = np.where(rate > 1, "forgetting", np.where((temperature < 0.9) & (rate < 0.1), "cooled", "unchanged"))
    data = known({"design": list(range(200))}, words)
    data = data.assign_coords(learning_rate=("design", rate), temperature=("design", temperature))
    data.attrs["sweep"] = "[axes]\ndesign.zip = { learning_rate = [], temperature = [] }\n"
    answer = answer_of(data, outcome_of(data))
    texts = [*(point.text for point in answer.headline), *(item.text for item in answer.where), *answer.sure]
    assert max(map(len, texts)) < 250
    assert all(len(row.where) < 120 for row in answer.words)
    rows = {row.word: row.where for row in answer.words}
    for word, where in rows.items():
        own = words == word
        assert where.startswith(f"{own.sum()} of the 200 points of design")
        for name, values in (("learning_rate", rate), ("temperature", temperature)):
            low, high = values[own].min(), values[own].max()
            is_special = np.mean((values >= low) & (values <= high)) < 0.9
            assert (f"{name} {labels.number(low)} to {labels.number(high)}" in where) == is_special
    assert "temperature" in rows["cooled"]
    assert "temperature" not in rows["forgetting"]


def test_a_few_scattered_points_are_named() -> None:
    fields = (PointField("rate", tuple(range(9))), PointField("steps", tuple(range(9))))
    axis = ShownAxis("d", "d", "d", tuple(f"({place})" for place in range(9)), None, fields)
    assert axis.told([2, 5]) == "d (2) and (5)"
    assert axis.told([2, 3, 5, 6]) == "4 of the 9 points of d (rate 2 to 6 and steps 2 to 6)"
    assert axis.told(range(9)) == "9 of the 9 points of d"
