"""The files around the package agree with it and with one another."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.plugin.interface import BuilderInterface
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import jaxcollapse

ROOT = Path(__file__).parents[1]


def recipe(target: str) -> list[list[str]]:
    """The commands of a target of the Makefile, as words, with `$(BIN)` written out."""
    text = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found, target
    return [shlex.split(line) for line in found[1].splitlines()]


def hooks() -> dict[str, dict[str, Any]]:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [each["repo"] for each in repositories] == ["local"], "a hook of another repository is fetched"
    return {hook["id"]: hook for hook in repositories[0]["hooks"]}


def test_hooks_need_no_network() -> None:
    """They run tools that `make check` has installed, in no environment that pre-commit would have to make."""
    for hook in hooks().values():
        assert hook["language"] == "system"
        assert "additional_dependencies" not in hook
        assert hook["entry"].startswith(".venv/bin/")


def test_hooks_run_every_tool_of_make_check() -> None:
    """A commit that passes the hooks passes `make check`: the same tools, and for ruff the same subcommands."""

    def named(words: list[str]) -> str:
        return " ".join(words[:2] if words[0].endswith("/ruff") else words[:1])

    checked = {named(words) for words in recipe("check")}
    assert checked == {named(shlex.split(hook["entry"])) for hook in hooks().values()}


def test_hooks_format_the_native_sources_that_make_check_looks_at() -> None:
    wanted = {*ROOT.glob("tests/support/emulated/*")}
    for ending in ("cpp", "cu", "h"):
        wanted |= {*ROOT.glob(f"jaxcollapse/native/*.{ending}")}
    pattern = re.compile(hooks()["clang-format"]["files"])
    files = [path for folder in ("jaxcollapse", "tests") for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert {path for path in files if pattern.search(path.relative_to(ROOT).as_posix())} == wanted


def test_the_citation_agrees_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["title"] == project["name"] == jaxcollapse.__name__
    assert citation["version"] == jaxcollapse.__version__
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
    assert citation["keywords"] == project["keywords"]
    assert citation["abstract"].startswith(project["description"])


@pytest.mark.parametrize("builder", [SdistBuilder, WheelBuilder])
def test_distributions_have_every_file_of_the_package(builder: type[BuilderInterface[Any, Any]]) -> None:
    """Native sources, the schema and templates, too. The sdist also has the shipped sweeps and their data."""
    made = {".so", ".pyc"}  # by compilers
    folders = ["jaxcollapse", *(["sweeps"] if builder is SdistBuilder else [])]
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT).as_posix() for path in files if path.suffix not in made}
    assert len(wanted) > 100
    found = {each.distribution_path for each in builder(str(ROOT)).recurse_included_files()}
    assert wanted <= found
    if builder is SdistBuilder:
        assert not {name for name in found if Path(name).suffix in made}
        assert {name.split("/")[0] for name in found if "/" in name} == {"jaxcollapse", "sweeps", "docs", "experiments"}
        assert {"hatch_build.py", "constraints.txt", "LICENSE", "CITATION.cff"} <= found


def test_the_changelog_begins_with_this_version_in_its_form() -> None:
    """Each version lists results that changed bits, new features, changes and bug fixes."""
    text = (ROOT / "CHANGELOG.md").read_text()
    _, *versions = re.split(r"^## ", text, flags=re.MULTILINE)
    assert versions[0].split("\n")[0] == jaxcollapse.__version__
    for version in versions:
        sections = re.findall(r"^### (.*)", version, re.MULTILINE)
        assert sections[:4] == ["Results that changed bits", "New features", "Changed", "Bug fixes"]
