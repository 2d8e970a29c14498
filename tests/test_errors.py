"""Messages are one line, short, and tell a terminal nothing to obey; pages and tables show text as text."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.analysis.labels import entries
from jaxcollapse.errors import InputError, cut_path, did_you_mean, printable, shown

CODES = "\x1b[2J\x1b]0;owned\x07\r\n\u202e\u2066\x00\x7f\x9b"


def test_what_a_terminal_might_obey_is_written_as_escapes() -> None:
    assert printable("naïve 東京 ∞ [red]") == "naïve 東京 ∞ [red]"
    assert printable(CODES).isprintable()
    assert printable("\x1b\u202e\ud800") == r"\x1b\u202e\ud800"
    assert printable(Path("a\nb")) == r"a\nb"


def test_a_message_is_one_short_line() -> None:
    for error in (InputError(CODES, CODES, CODES), InputError("k" * 10**6, "p" * 10**6, "sweep.toml")):
        assert str(error).isprintable()
        assert len(str(error)) < 1200


DEEP = "/".join(["/data", *["a-folder-with-a-long-name"] * 11, "next_token.nc"])  # 300 characters


def test_a_long_path_keeps_the_name_of_its_file() -> None:
    assert len(DEEP) == 305
    for value in (DEEP, Path(DEEP)):
        assert shown(value) == repr(cut_path(DEEP, 78))
    assert shown(DEEP).startswith("'/data/a-folder")
    assert shown(DEEP).endswith("/next_token.nc'")
    assert len(shown(DEEP)) == 80
    assert cut_path(DEEP, 32).endswith("…/next_token.nc")
    assert len(cut_path(DEEP, 32)) == 32
    assert cut_path("/short/next_token.nc") == "/short/next_token.nc"
    assert shown("x" * 300) == f"'{'x' * 78}…"
    of_one_name = cut_path(f"/data/{'n' * 300}.nc")
    assert of_one_name.startswith("/data…n")
    assert of_one_name.endswith(".nc")
    assert len(of_one_name) == 80


def test_messages_about_files_in_deep_folders_name_them(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 11)
    folder.mkdir(parents=True)
    missing, broken = folder / "missing.nc", folder / "broken.nc"
    broken.write_bytes(b"CDF")
    for path, initial in (
        (missing, {"kind": "file", "path": str(missing)}),
        (broken, {"kind": "file", "path": str(broken)}),
        (missing, str(missing)),
    ):
        for table in ({"process": {"initial": initial}}, {"axes": {"initial": [initial, {"kind": "uniform"}]}}):
            with pytest.raises(InputError) as caught:
                jc.plan(jc.Sweep.from_dict(table))
            assert path.name in str(caught.value)
            assert f"{path.name}'" in str(caught.value) or f'{path.name}")' in str(caught.value)


def test_suggestions_are_short_and_soon_found() -> None:
    many = [f"token{number}" for number in range(10**5)]
    assert len(did_you_mean("unlike" * 10**5, many)) < 1500
    assert "and 99940 more" in did_you_mean("zzz", many)
    assert did_you_mean("token7", many) == " (did you mean 'token7'?)"


@pytest.mark.parametrize("title", [CODES, "[red]a[/]", "[/]", "<script>alert(1)</script>", "$\\frac{", "%s {0.x}"])
def test_a_title_is_shown_as_text(title: str) -> None:
    sweep = jc.Sweep.from_dict(
        {"title": title, "process": {"initial": {"kind": "values", "logits": [0.0], "tokens": [title]}}}
    )
    for text in (repr(sweep), repr(jc.plan(sweep))):
        assert text.replace("\n", "").isprintable()
        assert "[red]a[/]" in text or title != "[red]a[/]"
    for page in (sweep._repr_html_(), jc.plan(sweep)._repr_html_()):
        assert "<script>" not in page


def test_a_title_is_drawn_as_text(tmp_path: Path) -> None:
    from jaxcollapse.analysis.plot.phase import save_phase_diagram

    observables = ["entropy", "verdict"]
    table = {
        "title": "$\\frac{ \x1b[2J",
        "replicates": 1,
        "generations": 1,
        "observables": observables,
        "process": {"vocab_size": 8},
        "axes": {"temperature": [0.5, 1.0]},
    }
    data = jc.run(jc.Sweep.from_dict(table), progress=False)
    save_phase_diagram(data, tmp_path / "phase.png")
    assert (tmp_path / "phase.png").stat().st_size > 1000


def test_labels_of_values_are_text() -> None:
    data = xr.Dataset(coords={"a": ("a", np.array([CODES[:5], "[red]"]))}, attrs={"sweep": "[axes]\na = [1]\n"})
    assert entries(data, "a") == [printable(CODES[:5]), "[red]"]
