"""What files as people have them say of themselves: what their numbers are, and which column names the tokens."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import special

import jaxcollapse as jc
from jaxcollapse.distributions import Distribution
from jaxcollapse.distributions.meaning import meaning_of
from jaxcollapse.planning.library import Library

P = [0.5, 0.3, 0.2]


def made(path: Path, **keys: Any) -> Distribution:
    initial = {"kind": "file", "path": path.name, **keys}
    sweep = jc.Sweep.from_dict({"process": {"initial": initial}}, folder=path.parent)
    return Library(sweep.grid, sweep.seed).entries[0].given


def read(path: Path, **keys: Any) -> tuple[list[float], list[str] | None]:
    found = made(path, **keys)
    return special.softmax(found.logits).tolist(), None if found.labels is None else found.labels.tolist()


def refusal(path: Path, **keys: Any) -> str:
    with pytest.raises(jc.InputError) as caught:
        made(path, **keys)
    assert path.name in str(caught.value)
    return str(caught.value)


def table(folder: Path, text: str | bytes, name: str = "p0.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("p", "P", "P(word)", "prob", "Probability", "probabilities", "frequency", "Freq", "relative_frequency"),
        *("relFreq", "share", "percent", "weight", "count", "Counts", "wordCount", "occurrences"),
    ],
)
def test_a_name_of_weights_says_so(name: str, tmp_path: Path) -> None:
    path = table(tmp_path, f"token,{name}\na,.5\nb,.3\nc,.2\n")
    np.testing.assert_allclose(read(path)[0], P, rtol=1e-12)
    np.testing.assert_allclose(read(path, values="logits")[0], special.softmax(P), rtol=1e-12)


@pytest.mark.parametrize("name", ["logits", "Logit", "log_prob", "logprobs", "lnP", "log count", "bigram_logits"])
def test_a_name_of_logarithms_says_so(name: str, tmp_path: Path) -> None:
    assert meaning_of(name) == "logits"
    np.testing.assert_allclose(read(table(tmp_path, f"{name}\n2\n1\n0\n"))[0], special.softmax([2, 1, 0]), rtol=1e-12)


@pytest.mark.parametrize("name", ["log10_prob", "log2p", "nll", "neg_log_prob"])
def test_logarithms_of_another_kind_are_refused_unless_they_are_said_to_be_logits(name: str, tmp_path: Path) -> None:
    path = table(tmp_path, f"{name}\n2\n1\n0\n")
    assert "process.initial.variable" in refusal(path)
    assert read(path, values="logits")[0][0] > 0.6


def test_counts_of_words_are_no_logits(tmp_path: Path) -> None:
    counts = [23135851162, 13151942776, 12997637966]
    lines = "".join(f"{word},{count}\n" for word, count in zip(["the", "of", "and"], counts, strict=True))
    p = np.array(counts) / sum(counts)
    for head, keys in {
        "word,count": {},
        "Word,Count": {"variable": "Count"},
        "word,n": {"variable": "n", "values": "counts"},
    }.items():
        found, labels = read(table(tmp_path, f"{head}\n{lines}"), **keys)
        np.testing.assert_allclose(found, p, rtol=1e-12)
        assert labels == ["the", "of", "and"]
    told = refusal(table(tmp_path, f"word,n\n{lines}"))
    assert "'n' does not say what its numbers are, and they look like counts; give values = 'counts'" in told
    assert "look like probabilities" in refusal(table(tmp_path, "x\n0.5\n0.3\n0.2\n"))
    assert "not whole numbers: 0.5 (token 1, counted from 0)" in refusal(
        table(tmp_path, "count\n2\n.5\n"), values="counts"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p0.csv", b"\xef\xbb\xbfToken,p\n\xc3\xa9,.5\nb,.3\nc,.2\n"),
        ("p0.csv", "tokens;p\né;0,5\nb;0,3\nc;0,2\n"),
        ("p0.csv", "p\tword\n.5\té\n.3\tb\n.2\tc\n"),
        ("p0.tsv", "label\tp\r\né\t.5\r\nb\t.3\r\nc\t.2\r\n"),
        ("P0.CSV", 'rank,"Term",p\n1,"é",.5\n2,b,.3\n3,c,.2\n'),
        ("p0.csv", "lemma,p\né,.5\nb,.3\nc,.2\n"),
        ("p0.csv", ",p\né,.5\nb,.3\nc,.2\n"),
    ],
    ids=["byte order mark", "semicolons", "tabs", "tsv", "rank", "only text", "unnamed"],
)
def test_labels_are_kept_however_the_table_is_written(name: str, text: str | bytes, tmp_path: Path) -> None:
    found, labels = read(table(tmp_path, text, name), variable="p")
    np.testing.assert_allclose(found, P, rtol=1e-12)
    assert labels == ["é", "b", "c"]


def test_labels_in_quotes_may_have_commas_quotes_and_lines(tmp_path: Path) -> None:
    path = table(tmp_path, 'token,p\n"a,b",.5\n"""",.3\n"\n",.2\n')
    assert read(path)[1] == ["a,b", '"', "\n"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('word,count\nthe,"1,234"\nof,999\n', "line 2: '1,234' in column 'count' is not a number; write it without"),
        ("word;count\nthe;1.234\nof;999\n", "may have points as thousands separators"),
        ("word;share\nthe;0.5\nof;0,5\n", "has decimal points and decimal commas"),
        ("token,p;q\na,.5\n", "its first row has commas and semicolons"),
        ("0.5\n0.3\n0.2\n", "its first row, '0.5', contains numbers; it must name the columns"),
        ("token,p,p\na,.5,.2\n", "has 2 columns 'p'"),
        ("token,token,p\na,b,.5\n", "has 2 columns 'token'"),
        ("token,p\na,\n", "line 2: '' in column 'p' is not a number"),
        ('token\tp\n"\t.5\na\t.3\n"\t.2\n', "line 4: a quotation mark is not closed"),
        ("word,label,p\na,b,1\n", "word, label could each name the tokens; give labels = 'word'"),
        ("lemma,class,p\na,b,1\n", "lemma, class could each name the tokens; give labels = 'lemma'"),
        ("class,p\nnoun,.5\nnoun,.5\n", "'class' has empty or repeated entries; does it name the tokens?"),
        ("token,p,q\na,.5,.5\n", "the file has several: p, q; name one"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str, told: str, tmp_path: Path) -> None:
    assert told in refusal(table(tmp_path, text))


def test_labels_are_taken_from_where_the_user_says(tmp_path: Path) -> None:
    path = table(tmp_path, "lemma,class,p\na,x,.5\nb,y,.5\n")
    assert read(path, labels="class")[1] == ["x", "y"]
    assert read(path, labels=False)[1] is None
    assert "'clas' is not in the file (did you mean 'class'?)" in refusal(path, labels="clas")


@pytest.mark.parametrize(
    ("arrays", "keys", "labels"),
    [
        ({"p": P, "Tokens": ["a", "b", "c"]}, {}, ["a", "b", "c"]),
        ({"p": P, "ids": np.array([b"a", b"\xff", b"c"])}, {}, ["a", "\\xff", "c"]),
        ({"p": P, "ids": ["a", "b", "c"], "class": ["x", "y", "z"]}, {"labels": "class"}, ["x", "y", "z"]),
        ({"p": P, "token": [3, 1, 2]}, {}, ["3", "1", "2"]),
        ({"p": P, "tokens": [[1, 2], [3, 4]]}, {}, "has 2 × 2 labels for 3 tokens; give one for each token"),
        ({"p": P, "a": ["a"] * 3, "b": ["b"] * 3}, {}, "a, b could each name the tokens"),
    ],
)
def test_arrays_label_tokens(
    arrays: dict[str, Any], keys: dict[str, Any], labels: list[str] | str, tmp_path: Path
) -> None:
    path = tmp_path / "p0.npz"
    np.savez(path, **arrays)
    if isinstance(labels, str):
        assert labels in refusal(path, **keys)
    else:
        assert read(path, **keys)[1] == labels


@pytest.mark.parametrize("values", [np.array(P) * 1j, np.arange(3).astype("timedelta64[s]")], ids=["complex", "times"])
def test_arrays_of_other_than_real_numbers_are_refused(values: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "p0.npz", p=values)
    assert "p does not hold real numbers" in refusal(tmp_path / "p0.npz")


def test_a_netcdf_variable_labels_tokens_where_their_dimension_does_not(tmp_path: Path) -> None:
    path, words = tmp_path / "p0.nc", ("t", ["a", "b", "c"])
    xr.Dataset({"p": ("t", P), "text": words}).to_netcdf(path)
    assert read(path) == (pytest.approx(P), ["a", "b", "c"])
    xr.Dataset({"p": ("t", P)}, {"t": [7, 8, 9], "text": words}).to_netcdf(tmp_path / "q0.nc")
    assert read(tmp_path / "q0.nc")[1] == ["7", "8", "9"]
    assert read(tmp_path / "q0.nc", labels="text")[1] == ["a", "b", "c"]


def test_a_refusal_names_the_cell_and_the_row(tmp_path: Path) -> None:
    for name, middle in (("good.nc", [1, 1, 1]), ("bad.nc", [0, 0, 0])):
        counts = np.array([[3, 2, 1], middle, [1, 1, 1]])
        coords = {"before": ["a", "b", "c"], "token": ["a", "b", "c"]}
        xr.Dataset({"counts": (("before", "token"), counts)}, coords).to_netcdf(tmp_path / name)
    process = {"model": "markov", "initial": {"kind": "file"}}
    sweep = jc.Sweep.from_dict({"process": process, "axes": {"initial.path": ["good.nc", "bad.nc"]}}, folder=tmp_path)
    with pytest.raises(jc.InputError, match=r"row 1 \('b'\) has no possible token.*where initial\.path = .*bad\.nc"):
        _ = Library(sweep.grid, sweep.seed).entries
    rows = {"kind": "table", "probabilities": [[1, 1], [0, 0]]}
    with pytest.raises(jc.InputError, match=re.escape("row 1 (counted from 0) has none")):
        jc.Sweep.from_dict({"process": {"model": "markov", "initial": rows}})


@pytest.mark.parametrize("number", [1e39, -1e39])
def test_logits_that_float32_has_not_are_refused(number: float, tmp_path: Path) -> None:
    assert f"logits has logits beyond ±1e+30: {number:g} (token 1" in refusal(table(tmp_path, f"logits\n0\n{number}\n"))


def test_a_cell_that_is_read_otherwise_than_before_is_another_one(tmp_path: Path) -> None:
    """Its trajectories must not be joined with those of an earlier version; names of tokens change no number."""

    def identity(head: str, **keys: Any) -> int:
        path = table(tmp_path, f"{head}\na,.5\nb,.3\nc,.2\n")
        sweep = {"process": {"initial": {"kind": "file", "path": path.name, **keys}}}
        return int(jc.Sweep.from_dict(sweep, folder=tmp_path).grid.identities(0)[0])

    assert identity("word,p") == identity("word,p", values="probabilities")
    assert identity("word,prob") != identity("word,prob", values="probabilities")  # as in version 0.1.0
    assert identity("word,p", labels="word") == identity("word,p", labels=False) == identity("word,p")


NUMBERS = np.log([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
RIGHT = np.array([[1, 0, 0], [0, 1, 1]])
JUDGED: dict[str, Any] = {"model": "persona", "chooser": "fixed", "trace_length": 1, "correct": "file"}


def prompts(folder: Path, **more: Any) -> Path:
    """A netCDF file of two prompts with their correct tokens, of all rows together or of each."""
    arrays = {"logits": (("prompt", "token"), NUMBERS), "right": (("prompt", "token"), RIGHT), **more}
    names = {"prompt": ["one", "two"], "token": ["x", "y", "z"]}
    xr.Dataset({"once": ("token", RIGHT[1].astype(bool)), **arrays}, names).to_netcdf(folder / "prompts.nc")
    return folder / "prompts.nc"


def judged(path: Path, process: dict[str, Any] | None = None, **keys: Any) -> jc.Sweep:
    initial = {"kind": "file", "path": path.name, "variable": "logits", **keys}
    top = {"generations": 0, "replicates": 1, "observables": ["correct"]}
    return jc.Sweep.from_dict({**top, "process": {**JUDGED, "initial": initial, **(process or {})}}, folder=path.parent)


def accuracy(sweep: jc.Sweep) -> list[float]:
    data = jc.run(sweep, progress=False)
    return (data.persona_accuracy if "persona_accuracy" in data else data.accuracy).values.ravel().tolist()


def test_a_file_has_the_correct_tokens_of_each_prompt(tmp_path: Path) -> None:
    path = prompts(tmp_path)
    assert accuracy(judged(path, correct="right")) == pytest.approx([0.5, 0.8])
    assert accuracy(judged(path, correct="once")) == pytest.approx([0.5, 0.8])
    assert accuracy(judged(path, correct="right", top=2)) == pytest.approx([0.5 / 0.7, 0.6 / 0.8])  # x and z
    sweep = judged(path, correct="right", select={"prompt": "two"})
    alone = {"initial": sweep.process["initial"], "correct": "file"}
    assert accuracy(sweep.replace(process=alone)) == pytest.approx([0.8])
    alone["initial"] = {"kind": "file", "path": path.name, "variable": "logits"}
    both = sweep.replace(process=alone, axes={"initial.correct": ["right", "once"], "initial.select.prompt": ["one"]})
    assert accuracy(both) == pytest.approx([0.5, 0.5])


def test_a_table_of_text_and_an_archive_have_them_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "prompts.npz", logits=NUMBERS, right=RIGHT)
    assert accuracy(judged(tmp_path / "prompts.npz", correct="right")) == pytest.approx([0.5, 0.8])
    path = table(tmp_path, "word,p,right\nx,.5,1\ny,.3,0\nz,.2,1\n")
    shifted = judged(path, {"personas": 3}, variable="p", correct="right")
    assert accuracy(shifted) == pytest.approx([0.7] * 3), "with p0 its correct tokens are shifted"


def test_correct_tokens_that_do_not_suit_p0_are_refused(tmp_path: Path) -> None:
    others = {"short": ("few", [1, 0]), "shares": ("token", [0.5, 0.5, 0.0])}
    path = prompts(tmp_path, turned=(("token", "prompt"), RIGHT.T), **others)
    for name, told in {
        "rigth": "'rigth' is not in the file (did you mean 'right'?)",
        "short": "short has the shape 2, and logits has the shape 2 × 3",
        "turned": "turned has the shape 3 × 2, and logits has the shape 2 × 3",
        "shares": "shares has 0.5; 1 is for correct tokens, 0 for all others",
    }.items():
        with pytest.raises(jc.InputError) as caught:
            jc.plan(judged(path, correct=name))
        named, start = "process.initial.correct: '", str(path)[:60]  # messages shorten long paths
        assert str(caught.value).startswith(named + start)
        assert told in str(caught.value)
    chain = {
        "model": "markov",
        "initial": {"kind": "file", "path": path.name, "variable": "logits", "correct": "right"},
    }
    square = prompts(tmp_path, logits=(("previous", "token"), np.zeros((3, 3))), right=(("from", "token"), np.eye(3)))
    with pytest.raises(jc.InputError, match=r"process.correct: has sets for 3 rows; the model has 4 rows of tokens"):
        jc.plan(judged(square, correct="right").replace(process={**chain, "correct": "file"}))
    with pytest.raises(jc.InputError, match=r"process.correct: 'file': initial = 'file' names no correct tokens"):
        judged(path)
    with pytest.raises(jc.InputError, match=r"process.initial: its key correct = 'right' has no effect: it is used"):
        judged(path, {"correct": "head"}, correct="right")


def test_rows_and_tokens_of_another_order_are_refused(tmp_path: Path) -> None:
    xr.Dataset(
        {
            "logits": (("prompt", "token"), NUMBERS),
            "right": (("row", "token"), RIGHT),
            "once": ("word", RIGHT[0]),
        },
        {"prompt": ["one", "two"], "token": ["x", "y", "z"], "row": ["two", "one"], "word": ["z", "y", "x"]},
    ).to_netcdf(tmp_path / "p.nc")
    for name, what in {"right": "rows", "once": "tokens"}.items():
        with pytest.raises(jc.InputError, match=f"{name} has other {what} than logits, or has them in another order"):
            jc.plan(judged(tmp_path / "p.nc", correct=name))


def test_cells_are_identified_by_the_content_of_the_file_and_by_the_variable(tmp_path: Path) -> None:
    path, copied = prompts(tmp_path), tmp_path / "copied"
    copied.mkdir()
    (copied / "other.nc").write_bytes(path.read_bytes())
    one, same, other = (
        jc.plan(judged(each, correct=name)).identities
        for each, name in ((path, "right"), (copied / "other.nc", "right"), (path, "once"))
    )
    assert one == same
    assert one != other


def test_a_study_keeps_the_file_and_goes_on_without_the_original(tmp_path: Path) -> None:
    path, study = prompts(tmp_path), tmp_path / "study"
    law = {"initial_accuracy": 0.25, "accuracy_concentration": 2.0, "update": "policy_gradient"}
    sweep = judged(path, {**law, "batch_size": 4, "group_size": 2}, correct="right")
    first = jc.run(sweep, study, progress=False).load()
    assert (study / "inputs" / "prompts.nc").exists()
    path.unlink()
    longer = jc.Sweep.from_toml(study / "sweep.toml", folder=study / "inputs").replace(replicates=3)
    again = jc.run(longer, study, progress=False).load()
    np.testing.assert_array_equal(again.persona_accuracy.isel(replicate=[0]), first.persona_accuracy)
    with pytest.raises(jc.InputError, match="leads out of"):
        jc.Sweep.from_dict({"process": {**JUDGED, "initial": {"kind": "file", "path": "../p.nc"}}}, folder=tmp_path)
