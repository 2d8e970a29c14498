"""The command `jaxcollapse report`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxcollapse.cli.arguments import INCOMPLETE, AsJson, PluginFiles, StudyOrFile, path, readable, tells_bad_input
from jaxcollapse.errors import InputError, printable

if TYPE_CHECKING:
    import xarray as xr

_NEEDED = ("bokeh", "jinja2", "markupsafe", "matplotlib")


@tells_bad_input
def report(
    study: StudyOrFile,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", parser=path, help="File to write; by default report.html in the study."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write a study as one HTML page.

    The page states what came out in sentences and shows interactive figures. The study may be incomplete.
    """
    from jaxcollapse.analysis.status import has_status, own_cells
    from jaxcollapse.store.whole import read
    from jaxcollapse.system.atomic import replacing
    from jaxcollapse.system.up_to_date import is_up_to_date

    if out is not None:
        _check_is_file(out)
    opened, result = read(study)
    page = out or (study.with_suffix(".html") if result == study else result.with_name("report.html"))
    with opened as data, readable(result):
        missing = int((has_status(data, "missing") & own_cells(data)).sum())
        is_there = is_up_to_date(page, Path(data.encoding.get("source", result)))
        text = "" if is_there else _page(data, result)
    if not is_there:
        try:
            with replacing(page) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError("", f"cannot be written: {error.strerror}", str(page)) from None
    print(json.dumps({"report": str(page), "missing": missing}) if as_json else f"report: {printable(page)}")
    return INCOMPLETE if missing else 0


def _page(data: "xr.Dataset", result: Path) -> str:
    """The text of the page."""
    with needs_packages():
        from jaxcollapse.report.page import stored_page
    return stored_page(data, result)


def _check_is_file(page: Path) -> None:
    """Raises InputError if a folder, device or pipe is there, maybe at the end of a link, as /dev/stdout is."""
    try:
        is_other = page.exists() and not page.is_file()
    except OSError as error:
        raise InputError("out", f"cannot be written: {error.strerror}", str(page)) from None
    if is_other:
        raise InputError("out", "is a folder, a device or a pipe, not a file", str(page))


@contextmanager
def needs_packages() -> Iterator[None]:
    """Says what to install where a package is missing that pages need.

    Raises:
        InputError: one is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = str(error.name).split(".")[0]
        if missing not in _NEEDED:
            raise
        raise InputError("", f"needs {missing}: pip install 'jaxcollapse[report]'") from None
