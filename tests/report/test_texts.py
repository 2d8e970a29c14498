"""Texts on pages: those of the chosen trajectory, as they are stored, and nothing in them runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from playwright.sync_api import Browser

from jaxcollapse.explore.answers import Answers
from jaxcollapse.explore.server import Server
from jaxcollapse.report.page import live_page, stored_page
from jaxcollapse.report.texts import first_middle_last
from tests.report.known import known
from tests.support.browsing import visiting

LETTERS = [*"abc \n", "</pre><script>window.owned = 1</script>"]


def with_texts(letters: list[str] = LETTERS, replicates: int = 3) -> xr.Dataset:
    """Two cells, three records, five texts of eight places; the first replicate of the first cell is missing."""
    data = known({"temperature": [0.5, 1.0]}, ["forgetting", "unchanged"], replicates)
    data = data.isel(generation=[0, 1, 1]).assign_coords(generation=[0, 10, 50])
    numbers = np.random.default_rng(0).integers(0, len(letters), (2, replicates, 3, 5, 8)).astype(np.int32)
    numbers[..., 6:] = -1
    numbers[1, :, 2, 0] = -1
    data["text"] = (("temperature", "replicate", "generation", "sample", "place"), numbers)
    data["status"][0, 0] = 0
    return data.assign_coords(token=letters)


@contextmanager
def page_of(data: xr.Dataset, folder: Path, *, live: bool) -> Iterator[str | Path]:
    """The address of a page: a file, or one that is served."""
    path = folder / "report.html"
    if not live:
        path.write_text(stored_page(data, Path("study/result.nc")), encoding="utf-8")
        yield path
        return
    server = Server(0, live_page(data, Path("study/result.nc")), Answers(data))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.address
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("live", [False, True], ids=["report", "explore"])
def test_a_page_shows_the_texts_of_the_chosen_cell(browser: Browser, tmp_path: Path, live: bool, width: int) -> None:
    data = with_texts()
    strings = data.collapse.texts()
    with page_of(data, tmp_path, live=live) as address, visiting(browser, address, width) as visit:
        for place in (0, 1):
            control = visit.page.locator("#axis-0")
            control.focus()
            control.press("End" if place else "Home")
            visit.drawn()
            replicate = 0 if live or place else 1
            assert f"replicate {replicate}:" in visit.page.locator("#texts-told").inner_text()
            boxes = visit.page.locator("#texts > div")
            records = [0, 2] if live else [0, 1, 2]
            assert boxes.count() == len(records)
            for box, record in zip(boxes.all(), records, strict=True):
                assert box.locator("h4").inner_text() == f"generation {[0, 10, 50][record]}"
                wanted = [text or "no text" for text in strings.values[place, replicate, record][:4]]
                assert box.locator("pre").evaluate_all("all => all.map(each => each.textContent)") == wanted
        assert visit.page.evaluate("() => window.owned") is None
        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= width
        assert visit.complaints == []


def test_explore_shows_any_replicate_and_generation(browser: Browser, tmp_path: Path) -> None:
    data = with_texts()
    strings = data.collapse.texts()
    with page_of(data, tmp_path, live=True) as address, visiting(browser, address) as visit:
        for control, key in (("replicate", "End"), ("generation", "ArrowLeft")):
            visit.page.locator(f"#{control}").focus()
            visit.page.locator(f"#{control}").press(key)
            visit.drawn()
        at = int(visit.page.locator("#axis-0").input_value())
        assert "replicate 2:" in visit.page.locator("#texts-told").inner_text()
        boxes = visit.page.locator("#texts > div")
        assert boxes.locator("h4").all_inner_texts() == ["generation 0", "generation 10", "generation 50"]
        shown = boxes.nth(1).locator("pre").evaluate_all("all => all.map(each => each.textContent)")
        assert shown == strings.values[at, 2, 1][:4].tolist()


def test_pages_without_texts_say_nothing_of_them(browser: Browser, tmp_path: Path) -> None:
    data = with_texts().drop_vars("text")
    with page_of(data, tmp_path, live=False) as address, visiting(browser, address) as visit:
        assert not visit.page.locator("#texts").is_visible()
        assert "texts()" not in visit.page.content()


@pytest.mark.parametrize("question", [{"at": [2]}, {"generation": 3}, {"replicate": 3}, {"replicate": -1}])
def test_texts_of_what_does_not_exist_are_refused(question: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"at": [0], "generation": 0, "replicate": 0, **question}
    with pytest.raises(ValueError, match="not exist"):
        Answers(with_texts()).texts(**asked)
    with pytest.raises(ValueError, match="there are no texts"):
        Answers(with_texts().drop_vars("text")).texts([0], 0, 0)


def test_a_page_of_many_cells_has_fewer_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = with_texts()
    for most, samples in ((2 * 3 * 8 * 2, 2), (2 * 3 * 8, 1)):
        monkeypatch.setattr("jaxcollapse.report.texts._MOST_TOLD", most)
        found = first_middle_last(data)
        assert found is not None
        assert {len(texts) for cell in found.texts for texts in cell} == {samples}
    monkeypatch.setattr("jaxcollapse.report.texts._MOST_TOLD", 2 * 3 * 8 - 1)
    assert first_middle_last(data) is None
