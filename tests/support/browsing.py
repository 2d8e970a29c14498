"""Pages in a real browser, which records what they ask for and what they complain of."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAM = "chromium"
_UNTIL_DRAWN = """() => new Promise(done => {
    const look = () => isDrawing ? setTimeout(look, 10) : done();
    look();
})"""


@dataclass
class Visit:
    """An open page. requests: all addresses that it asked for. complaints: what the browser's console says."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def drawn(self) -> int:
        """How often all figures have been drawn, once they are."""
        self.page.locator("html[data-drawn]").wait_for(state="attached")
        self.page.evaluate(_UNTIL_DRAWN)
        return int(self.page.evaluate("() => document.documentElement.dataset.drawn"))

    def seconds(self) -> float:
        """Processor time that the page's main thread has taken so far, at most, whatever else the machine does."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Performance.enable")
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["ThreadTime"])

    def source(self, name: str) -> dict[str, list[Any]]:
        """The columns of a source of a figure; numbers that JSON does not have are null."""
        script = "name => JSON.stringify(Object.fromEntries(Object.entries(modelOf(name).data)))"
        return dict(self.page.evaluate(f"name => JSON.parse(({script})(name))", name))

    def picture(self) -> str:
        """All that the figures show."""
        script = """() => JSON.stringify(Array.from(Bokeh.documents[0]._all_models.values(), model =>
            model.type === "ColumnDataSource" ? Object.entries(model.data)
            : model.type === "Range1d" ? [model.start, model.end]
            : model.type === "Span" ? model.location : model.axis_label ?? null))"""
        return str(self.page.evaluate(script))

    def chosen(self) -> str:
        """What the page says of the chosen cell."""
        return self.page.locator("#told").inner_text()


@contextmanager
def started() -> Iterator[Browser]:
    """A browser without a window; tests are skipped where there is none."""
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed: apt-get install {PROGRAM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, address: str | Path, width: int = 1280, *, dark: bool = False) -> Iterator[Visit]:
    """A page, drawn; requests to other files and addresses are recorded, and blocked."""
    target = address.as_uri() if isinstance(address, Path) else address
    with browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    ) as context:
        visit = Visit(context.new_page())
        own = target if target.startswith("file:") else target.rstrip("/") + "/"

        def permit(route: Any) -> None:
            visit.requests.append(route.request.url)
            is_own = route.request.url == own or (own.startswith("http") and route.request.url.startswith(own))
            (route.continue_ if is_own else route.abort)()

        context.route("**/*", permit)
        visit.page.on("console", lambda said: visit.complaints.append(said.text) if said.type != "info" else None)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.goto(target)
        visit.drawn()
        yield visit
