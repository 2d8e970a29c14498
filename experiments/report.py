"""Photographs the report of the quickstart into docs/pictures, with Chromium: `python -m experiments.report`."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from experiments.studies import PICTURES, ROOT, measured
from jaxcollapse.report.page import stored_page

CHROMIUM = ["--no-sandbox", "--disable-gpu"]
_MARGIN = 8  # pixels


def photograph(page: Path, first: str, last: str, picture: Path) -> None:
    """A page from one part to another, named as CSS names them, as a PNG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        opened = browser.new_page(viewport={"width": 1180, "height": 900})
        opened.goto(page.as_uri())
        opened.locator("html[data-drawn]").wait_for(state="attached")
        opened.wait_for_timeout(300)  # until what is drawn is on the screen
        top, bottom = opened.locator(first).bounding_box(), opened.locator(last).bounding_box()
        assert top is not None
        assert bottom is not None
        left, above = top["x"] - _MARGIN, top["y"] - _MARGIN
        width, height = top["width"] + 2 * _MARGIN, bottom["y"] + bottom["height"] + _MARGIN - above
        opened.screenshot(path=picture, full_page=True, clip={"x": left, "y": above, "width": width, "height": height})
        browser.close()


if __name__ == "__main__":
    data = measured("quickstart")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(stored_page(data, ROOT / "results/quickstart/result.nc"), encoding="utf-8")
        photograph(page, "#controls", ".pictures", PICTURES / "report.png")
