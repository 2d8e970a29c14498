"""The documentation says what is: code in it runs, tables in it follow from the code, links lead somewhere."""

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import typer
import xarray as xr

import jaxcollapse as jc
from docs.generate import PAGES
from jaxcollapse.cli.main import app
from tests.conftest import ROOT, Finished
from tests.support import sweeps
from tests.support.blocks import run_block

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


def _commands() -> Iterator[tuple[str, str]]:
    """Lines of a shell: where they stand, and what they say."""
    for page in PAGES_WITH_TEXT:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        shown = re.findall(r"^```sh\n(.*?)^```|^((?: {4}\S.*\n)+)", text, re.MULTILINE | re.DOTALL)
        for line in "".join(fenced or indented for fenced, indented in shown).splitlines():
            words = line.strip()
            if re.match(r"(jaxcollapse|make|python -m) ", words) and "[OPTIONS]" not in words:
                yield str(page.relative_to(ROOT)), words


COMMANDS = list(_commands())


@pytest.fixture(scope="session")
def tutorial(quickstart: Finished) -> Finished:
    """The same folder, in which a user has done what the tutorial says."""
    (sweep,) = (block for where, block in _blocks("toml") if where.startswith("docs/tutorial.md"))
    (quickstart.folder / "my.toml").write_text(sweep, encoding="utf-8")
    told = ""
    for page, line in COMMANDS:
        if page == "docs/tutorial.md":
            command = [sys.executable, "-m", *shlex.split(line)]
            done = subprocess.run(command, cwd=quickstart.folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            told += done.stdout
    return Finished(quickstart.folder, told)


RUN_HERE = [
    (where, block) for where, block in _blocks("python") if "import torch" not in block
]  # tests/test_p0.py has those


@pytest.mark.parametrize(("where", "block"), RUN_HERE, ids=lambda value: value if "\n" not in value else "")
def test_python_in_the_documentation_runs(where: str, block: str, tutorial: Finished) -> None:
    assert run_block(block, tutorial.folder) == ""


@pytest.mark.parametrize(
    "wrong",
    ["import warnings; warnings.warn('')", "xr", "import xarray as xr; xr.Dataset().collapse", "raise SystemExit(1)"],
)
def test_a_block_that_is_wrong_is_noticed(wrong: str, tmp_path: Path) -> None:
    assert run_block(wrong, tmp_path)


def test_the_tutorial_tells_what_its_commands_print(tutorial: Finished) -> None:
    for told in ("unchanged 0.00", "cooled 0.00", "heated 0.00", "collapsed ", "768 of 768"):
        assert told in tutorial.printed
    assert (tutorial.folder / "results/my/phase.png").is_file()


@pytest.mark.parametrize(("where", "line"), COMMANDS, ids=lambda value: value)
def test_a_command_in_the_documentation_exists(where: str, line: str) -> None:
    assert _wrong_with(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "jaxcollapse rum sweeps/quickstart.toml",
        "jaxcollapse run sweeps/quickstart.toml --no-such",
        "jaxcollapse run sweeps/no_such.toml",
        "make no-such",
        "python -m experiments.no_such",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    assert _wrong_with(line) is not None


def _wrong_with(line: str) -> str | None:
    """What is wrong with a line of a shell, as far as it can be told without running it."""
    program, *words = [word for word in shlex.split(line, comments=True) if word != "&"]
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        return None if re.search(rf"^{words[0]}:", makefile, re.MULTILINE) else "no such target"
    if program == "python":
        return None if find_spec(words[1]) else "no such module"
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    if words[0] not in commands:
        return "no such command"
    try:
        commands[words[0]].make_context(words[0], words[1:])
    except Exception as error:  # whatever the parser says
        return str(error)
    lacking = [word for word in words if word.startswith("sweeps/") and not (ROOT / word).exists()]
    return f"no such file: {lacking}" if lacking and "sweeps/NAME.toml" not in lacking else None


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the package, to change as a page says."""
    shutil.copytree(ROOT / "jaxcollapse", tmp_path / "jaxcollapse", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _run_in(copied: Path, process: dict[str, Any], **top: Any) -> xr.Dataset:
    """A sweep as the changed copy computes it."""
    told = {**top, "process": process}
    code = f"from math import inf; import jaxcollapse as jc; jc.run(jc.Sweep.from_dict({told!r}), 'study')"
    command, here = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": str(copied)}
    done = subprocess.run(command, cwd=copied, env=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(copied / "study/result.nc") as data:
        return data.load()


def test_the_observable_of_the_how_to_is_measured_as_defined(copied: Path) -> None:
    """A copy of the package that has it where the page says."""
    observable, definition = (block for where, block in _blocks("python") if where.startswith("docs/add_observable.md"))
    defined: dict[str, Any] = {}
    exec(definition, defined)
    (copied / "jaxcollapse/observables/half.py").write_text(observable, encoding="utf-8")
    record, process = {"every": 10, "logits": True}, {"vocab_size": 20, "update": "refit", "samples": 30}
    data = _run_in(copied, process, generations=20, replicates=8, record=record, observables=["tokens_of_half"])
    p = sweeps.probabilities(data).reshape(-1, 20)
    expected = [defined["tokens_of_half"](row) for row in p]
    assert len(set(expected)) > 2
    np.testing.assert_array_equal(data.tokens_of_half.values.ravel(), expected)


@pytest.mark.parametrize(("where", "block"), _blocks("toml"), ids=lambda value: value if "\n" not in value else "")
def test_sweeps_in_the_documentation_are_valid(where: str, block: str) -> None:
    sweep = jc.Sweep.from_dict(tomllib.loads(block), folder=ROOT / "sweeps")
    assert sweep.trajectories > 0


@pytest.mark.parametrize("page", PAGES_WITH_TEXT, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_documentation_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"`((?:tests|sweeps|docs|analysis|experiments)/[\w./]+)`", text):
        assert (ROOT / target).exists(), target
    for module, test in re.findall(r"`(tests/[\w./]+)::(\w+)`", text):
        assert f"\ndef {test}(" in (ROOT / module).read_text(encoding="utf-8"), f"{module}::{test}"


def test_the_model_of_the_how_to_drifts_as_wright_and_fisher_say(copied: Path) -> None:
    """A copy of the package that has the page's file: each row drifts with its own number of samples."""
    (walk,) = (block for where, block in _blocks("python") if where.startswith("docs/add_model.md"))
    (copied / "jaxcollapse/walks/opening.py").write_text(walk.split("\n\n\nwalk, numbers =")[0], encoding="utf-8")
    process = {"model": "opening", "update": "refit", "samples": 20, "trace_length": 5, "vocab_size": 8}
    top = {"generations": 10, "replicates": 2000, "record": {"every": 10, "logits": True}, "observables": ["entropy"]}
    data = _run_in(copied, process, **top)
    heterozygosity = 1 - (sweeps.probabilities(data) ** 2).sum(axis=-1)
    for row, samples in enumerate((20, 80)):
        before, after = heterozygosity[:, 0, row].mean(), heterozygosity[:, -1, row]
        error = after.std() / np.sqrt(len(after))
        assert abs(after.mean() - before * (1 - 1 / samples) ** 10) < 4 * error


def test_the_parts_of_the_how_to_do_what_they_say(copied: Path) -> None:
    """A copy of the package that has the page's two files: Yogi is optax's; logits decay towards their mean."""
    files = ("training/optimizers/yogi.py", "training/loss_terms/logit_decay.py")
    blocks = [block for where, block in _blocks("python") if where.startswith("docs/add_part.md")]
    for file, block in zip(files, blocks, strict=True):
        (copied / "jaxcollapse" / file).write_text(block, encoding="utf-8")
    p0, rate, endless = [0.5, 0.3, 0.2], 0.1, {"batch_size": math.inf, "samples": math.inf}
    process = {"initial": {"kind": "values", "probabilities": p0}, "learning_rate": rate, **endless}
    top = {"generations": 10, "replicates": 1, "record": {"every": 1, "logits": True}, "precision": "float64"}
    decayed = _run_in(copied, {**process, "logit_decay": 0.5}, **top).logits.values[0]
    away = decayed - decayed.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(away, 0.95 ** np.arange(11)[:, np.newaxis] * away[0], atol=1e-12)
    shutil.rmtree(copied / "study")
    found = _run_in(copied, {**process, "optimizer": "yogi", "temperature": 0.8}, **top).logits.values[0]
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yogi, z = optax.yogi(rate, eps=1e-8), jnp.asarray(found[0])
        state = yogi.init(z)
        for row in found:
            np.testing.assert_allclose(row, z, atol=1e-10)
            updates, state = yogi.update(jax.nn.softmax(z) - jax.nn.softmax(z / 0.8), state, z)
            z = optax.apply_updates(z, updates)
