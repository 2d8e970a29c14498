"""The documentation says what is: code in it runs, tables in it follow from the code, links lead somewhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jaxcollapse as jc
from docs.generate import PAGES
from tests.conftest import ROOT, Finished

PAGES_WITH_TEXT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("*/*.md"))]


def _blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES_WITH_TEXT:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        found += [(f"{page.relative_to(ROOT)}-{number}", block) for number, block in enumerate(blocks)]
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    shipped = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert shipped == PAGES[name](), "run `make generated`"


@pytest.mark.parametrize(("where", "block"), _blocks("python"), ids=lambda value: value if "\n" not in value else "")
def test_python_in_the_documentation_runs(where: str, block: str, quickstart: Finished) -> None:
    code = f"import warnings; warnings.simplefilter('error')\nimport matplotlib; matplotlib.use('Agg')\n{block}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=quickstart.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("where", "block"), _blocks("toml"), ids=lambda value: value if "\n" not in value else "")
def test_sweeps_in_the_documentation_are_valid(where: str, block: str) -> None:
    sweep = jc.Sweep.from_dict(tomllib.loads(block), folder=ROOT / "sweeps")
    assert sweep.trajectories > 0


@pytest.mark.parametrize("page", PAGES_WITH_TEXT, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_documentation_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"`((?:tests|sweeps|docs|analysis)/[\w./]+)`", text):
        assert (ROOT / target).exists(), target
    for module, test in re.findall(r"`(tests/[\w./]+)::(\w+)`", text):
        assert f"\ndef {test}(" in (ROOT / module).read_text(encoding="utf-8"), f"{module}::{test}"
