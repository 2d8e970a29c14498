"""The documentation as a website: it builds without a warning, needs nothing from elsewhere, and leaves nothing out."""

import inspect
import re
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import nbformat
import pytest
import typer

import jaxcollapse
import jaxcollapse.analysis
import jaxcollapse.theory
from docs.generate import PAGES
from jaxcollapse.analysis import Collapse, Plots
from jaxcollapse.cli.main import app
from jaxcollapse.distributions import KINDS
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.sweep.process_fields import fields, groups
from jaxcollapse.sweep.record import Record
from tests.conftest import ROOT
from tests.support import site
from tests.support.site import Page, Site

CHROMIUM = shutil.which("chromium")
SOURCES = sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("analysis/*.ipynb")])
MODULES = (jaxcollapse, jaxcollapse.analysis, jaxcollapse.theory)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The website."""
    return site.build(tmp_path_factory.mktemp("site"))


def test_no_page_loads_anything_from_elsewhere(built: Site) -> None:
    loaded = {link for page in built.pages.values() for link in page.loads}
    assert not {link for link in loaded if site.is_elsewhere(link)}
    styles = [path.read_text(encoding="utf-8") for path in built.folder.rglob("*.css")]
    assert styles
    assert not [style for style in styles if re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style)]


def test_all_links_anchors_and_pictures_are_there(built: Site) -> None:
    assert list(built.broken()) == []


def test_a_link_that_leads_nowhere_is_noticed(built: Site) -> None:
    index = built.folder / "docs/index.html"
    text = index.read_text(encoding="utf-8")
    page = built.folder / "docs/with_errors.html"
    page.write_text(f"{text}<a href='process.html#no-such'></a><a href='none.html'></a><img src='none.png'>", "utf-8")
    try:
        broken = list(Site(built.folder).broken())
    finally:
        page.unlink()
    assert [told.split(": ")[1] for told in broken] == ["process.html#no-such", "none.html", "none.png"]


def test_every_page_is_reached_from_the_first(built: Site) -> None:
    assert "0; url=docs/index.html" in (built.folder / "index.html").read_text(encoding="utf-8")
    assert built.reached(built.folder / "docs/index.html") == set(built.pages) - {built.folder / "index.html"}


def test_every_page_and_notebook_of_the_repository_is_in_the_site(built: Site) -> None:
    expected = {built.folder / path.relative_to(ROOT).with_suffix(".html") for path in SOURCES}
    assert expected <= set(built.pages)


def _formulas_and_tables(path: Path) -> tuple[int, int]:
    """How many formulas in TeX, and how many tables in Markdown, the texts and outputs of a source have."""
    texts = [path.read_text(encoding="utf-8")]
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        texts += [output["data"]["text/markdown"] for output in outputs if "text/markdown" in output.get("data", {})]
    text = re.sub("^```.*?^```|`[^`\n]*`", "", "\n".join(texts), flags=re.MULTILINE | re.DOTALL)
    formulas = re.findall(r"\$\$.+?\$\$|(?<![\w$])\$[^$\n]+\$(?![\w$])", text, re.DOTALL)
    return len(formulas), len(re.findall(r"^\|( ?:?-+:? ?\|)+$", text, re.MULTILINE))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_formulas_and_tables_are_set(built: Site, path: Path) -> None:
    page = built.pages[built.folder / path.relative_to(ROOT).with_suffix(".html")]
    formulas, tables = _formulas_and_tables(path)
    html = page.path.read_text(encoding="utf-8")
    assert html.count("<math") == formulas
    assert html.count("<table") >= tables
    assert not re.search(r"\$\$|\\(frac|left|sum|eta)|\|-{3,}\|", "".join(page.prose)), (
        "has a formula or a table as text"
    )


def test_notebooks_have_formulas_and_tables() -> None:
    found = {path.stem: _formulas_and_tables(path) for path in SOURCES if path.suffix == ".ipynb"}
    assert not [name for name, (formulas, tables) in found.items() if not formulas or not tables]


def test_code_has_a_button_that_copies_it(built: Site) -> None:
    for name in ("docs/tutorial.html", "analysis/01_quickstart.html"):
        page = built.pages[built.folder / name]
        (script,) = (load for load in page.loads if "copybutton.js" in load)
        assert page.local(script)[0].is_file()


@pytest.mark.parametrize(
    ("word", "page"),
    [("custom", "docs/plugins"), ("sobol", "docs/faq"), ("reinforce", "docs/faq"), ("huggingface", "docs/p0")],
)
def test_the_search_finds(built: Site, word: str, page: str) -> None:
    assert page in built.found(word)


def test_the_search_does_not_find_what_no_page_has(built: Site) -> None:
    assert built.found("nosuchword") == set()


def test_every_field_has_an_anchor(built: Site) -> None:
    anchors = built.pages[built.folder / "docs/fields.html"].anchors
    keys = [*fields(), *(key for key in _top() if key not in ("process", "axes", "record"))]
    keys += [f"record{key}" for key in Record.model_fields]
    keys += [f"initial{key}" for kind in KINDS.values() for key in kind.model_fields if key != "kind"]
    assert [key for key in keys if key not in anchors] == []


def test_each_field_is_in_one_group() -> None:
    assert [name for group in groups().values() for name in group] == list(fields())


@pytest.mark.parametrize("kind", [Collapse, Plots])
def test_methods_of_the_accessor_are_described_in_full(built: Site, kind: type) -> None:
    html = (built.folder / "docs/api_analysis.html").read_text(encoding="utf-8")
    before = {Collapse: "ds.collapse.", Plots: "ds.collapse.plot."}[kind]
    for name, method in vars(kind).items():
        if not name.startswith("_") and inspect.isfunction(method):
            _, _, entry = html.partition(f'id="jaxcollapse.analysis.{kind.__name__}.{name}"')
            text = re.sub("<[^>]*>", "", entry.partition('<dt class="sig sig-object')[0])
            assert f"{before}{name}(" in text
            parameters = list(inspect.signature(method).parameters)[1:]
            described = text.partition("Parameters")[2]
            assert [each for each in parameters if not _has(described, each)] == []


def test_every_public_name_is_in_the_reference(built: Site) -> None:
    assert [name for name in _public() if name not in built.reference] == []
    assert "jaxcollapse.no_such_name" not in built.reference


def test_every_public_function_describes_its_arguments() -> None:
    assert {name: lacking for name, function in _functions() if (lacking := _not_described(function))} == {}


def test_an_argument_without_a_description_is_noticed() -> None:
    def wanting(said: int, unsaid: int) -> None:
        """Something of `said`."""

    assert _not_described(wanting) == ["unsaid"]


def test_every_observable_key_and_option_is_in_the_site(built: Site) -> None:
    assert list(_unsaid(built, _to_be_said())) == []


def test_a_name_that_no_page_has_is_noticed(built: Site) -> None:
    invented = {"docs/observables.html": ["entropy", "no_such_observable"], "docs/command_line.html": ["--no-such"]}
    assert list(_unsaid(built, invented)) == ["no_such_observable", "--no-such"]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_browser_shows_pages_without_an_error_or_a_request_elsewhere(built: Site) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    handler = partial(_Quietly, directory=str(built.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        here, asked, errors = f"http://127.0.0.1:{server.server_port}/", [], []
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            tab = browser.new_page(viewport={"width": 360, "height": 740})
            tab.on("request", lambda request: asked.append(request.url))
            tab.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
            tab.on("pageerror", lambda error: errors.append(str(error)))
            for path in ("index.html", "analysis/01_quickstart.html"):
                tab.goto(here + path)
                tab.wait_for_function("document.title.includes('jaxcollapse') && document.querySelector('h1') !== null")
                assert tab.evaluate("document.documentElement.scrollWidth") <= 360, "is wider than a phone"
                assert tab.evaluate("[...document.images].every(image => image.loading == 'lazy' || image.complete)")
            browser.close()
        server.shutdown()
    assert len(asked) > 4
    assert not [url for url in asked if not url.startswith((here, "data:"))]
    assert errors == []


class _Quietly(SimpleHTTPRequestHandler):
    def log_message(self, *told: Any) -> None:
        """Says nothing."""


def _public() -> list[str]:
    """Full names of all that users are to know of Python."""
    names = [f"{module.__name__}.{name}" for module in MODULES for name in module.__all__]
    of_accessor = [f"{kind.__module__.rpartition('.')[0]}.{kind.__name__}.{name}" for kind, name in _methods()]
    keys = [f"{Record.__module__}.{Record.__name__}.{key}" for key in Record.model_fields]
    return [*names, *of_accessor, *keys]


def _methods() -> Iterator[tuple[type, str]]:
    for kind in (Collapse, Plots):
        for name in vars(kind):
            if not name.startswith("_"):
                yield kind, name


def _functions() -> Iterator[tuple[str, Any]]:
    for module in MODULES:
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)
    for kind, name in _methods():
        if inspect.isfunction(vars(kind)[name]):
            yield f"{kind.__name__}.{name}", vars(kind)[name]


def _not_described(function: Any) -> list[str]:
    """Arguments that neither a docstring has, nor that of the function that it refers to, nor the sweep file."""
    told = inspect.getdoc(function) or ""
    for module, name in re.findall(r"see `([\w.]+)\.(\w+)`", told):
        told += inspect.getdoc(getattr(_module(module), name)) or ""
    known = {"self", *(fields() if function.__module__.startswith("jaxcollapse.theory") else ())}
    return [name for name in inspect.signature(function).parameters if name not in known and not _has(told, name)]


def _module(name: str) -> ModuleType:
    from importlib import import_module

    return import_module(f"jaxcollapse.analysis.{name}")


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _to_be_said() -> dict[str, list[str]]:
    """page → what it must name."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    shown = [param for command in commands.values() for param in command.params if not getattr(param, "hidden", False)]
    options = [option for param in shown for option in _spelled(param)]
    tables = ["process", "axes"]
    keys = [*fields(), *Record.model_fields]
    keys += [key for key in _top() if key not in tables]
    keys += [*KINDS, *(key for kind in KINDS.values() for key in kind.model_fields)]
    told = {"observables": [*OBSERVABLES], "fields": keys, "command_line": [*commands, *options]}
    assert all(f"{page}.md" in PAGES for page in told)
    return {"docs/sweep-file.html": tables, **{f"docs/{page}.html": names for page, names in told.items()}}


def _top() -> list[str]:
    """The keys at the top of a sweep file."""
    return [info.alias or name for name, info in jaxcollapse.Sweep.model_fields.items()]


def _spelled(param: Any) -> list[str]:
    return list(param.opts) if param.param_type_name == "option" else [param.metavar]


def _unsaid(built: Site, names: dict[str, list[str]]) -> Iterator[str]:
    for page, wanted in names.items():
        text = "".join(Page(built.folder / page).text)
        yield from (name for name in wanted if not _has(text, name))
