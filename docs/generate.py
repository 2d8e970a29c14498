"""Writes the pages of the documentation that follow from the code: `make generated`."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from docs.fields import fields, written
from jaxcollapse.cli.main import app
from jaxcollapse.observables import catalogue
from jaxcollapse.theory import ORACLES

FOLDER = Path(__file__).resolve().parent


def observables() -> str:
    """The observables, from their registry."""
    lines = [
        "# Observables",
        "",
        "Made from the registry by `make generated`. A sweep file requests them by name or by group: `default`, "
        "`verdict`, `all`, or a group below. p is the model's distribution, p0 the initial one, τ_T(p) is p at "
        "temperature T. An event is the first generation in which a condition holds; every generation is checked.",
    ]
    for group in dict.fromkeys(entry.group for entry in catalogue()):
        rows = [
            (f"`{entry.name}`", entry.long_name, entry.units, "yes" if entry.default else "", entry.description)
            for entry in catalogue()
            if entry.group == group
        ]
        lines += ["", f"## {group}", "", *table(("name", "long name", "units", "default", "definition"), rows)]
    return "\n".join(lines) + "\n"


def theory() -> str:
    """The oracles, from their registry."""
    lines = [
        "# Theory",
        "",
        "Made from the registry by `make generated`. The functions of `jaxcollapse.theory` predict properties of "
        "trajectories without simulation. Their arguments have the names and meanings of the fields of a sweep "
        "file (p0 comes first, as probabilities; `samples` is N, `generations` is g, one or an array). "
        "[process.md](process.md) has the notation; [agreement.md](agreement.md) compares each function with "
        "simulations. An invalid argument raises a `ValueError` that names the argument and what is allowed.",
        "",
        "```python",
        "import numpy as np",
        "from jaxcollapse import theory",
        "",
        "p0 = np.array([0.5, 0.3, 0.2])",
        "theory.mean_heterozygosity(p0, samples=20, generations=[0, 10, 100])",
        "theory.mean_collapse_time(p0, samples=200)  # until one token is left alone",
        "theory.mean_collapse_time(p0, samples=200, collapse_threshold=0.01)  # what `collapse_time` is by default",
        "help(theory.far_out_survival)  # arguments, formula, assumptions, error, source",
        "```",
    ]
    for concept in dict.fromkeys(entry.concept for entry in ORACLES.values()):
        about = (import_module(f"jaxcollapse.theory.{concept}").__doc__ or "").strip()
        rows = [
            (_called(entry.name), entry.description, entry.formula, entry.assumes, entry.error or "exact", entry.source)
            for entry in ORACLES.values()
            if entry.concept == concept
        ]
        heads = ("function", "what it is", "formula", "assumes", "error", "source")
        lines += ["", f"## {concept.replace('_', ' ').capitalize()}", "", about, "", *table(heads, rows)]
    return "\n".join(lines) + "\n"


def api_theory() -> str:
    """The functions of theory with signatures and docstrings, from their registry."""
    lines = [
        "# Python: theory",
        "",
        "Made from the registry by `make generated`. The functions of `jaxcollapse.theory` with their arguments, "
        "assumptions and sources. [Theory](theory.md) has all of them in tables.",
    ]
    for concept in dict.fromkeys(entry.concept for entry in ORACLES.values()):
        names = [entry.name for entry in ORACLES.values() if entry.concept == concept]
        about = (import_module(f"jaxcollapse.theory.{concept}").__doc__ or "").strip()
        entries = [f".. autofunction:: jaxcollapse.theory.{name}" for name in names]
        lines += ["", f"## {concept.replace('_', ' ').capitalize()}", "", about, "", "```{eval-rst}", *entries, "```"]
    registry = [
        ".. py:data:: ORACLES",
        "   :type: dict[str, Oracle]",
        "",
        "   All of them by name.",
        "",
        ".. autoclass:: jaxcollapse.theory.Oracle",
        "   :members:",
        ".. autoclass:: jaxcollapse.theory.StepLaw",
        ".. autoclass:: jaxcollapse.theory.EntropyLaw",
    ]
    lines += ["", "## The registry", "", "```{eval-rst}", ".. module:: jaxcollapse.theory", "", *registry, "```"]
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """The commands and their options, from the application that parses them."""
    group: Any = typer.main.get_command(app)
    lines = [
        "# Command line",
        "",
        "Made from the code by `make generated`. `python -m jaxcollapse` is the same as `jaxcollapse`. The exit "
        "code is 0 if everything is complete, 1 if something is incomplete or failed, and 2 if the input is bad. "
        "`--help` or `-h` of each command shows the text of this page.",
        "",
        "`jaxcollapse --install-completion` makes bash, zsh, fish or PowerShell complete commands and options, from "
        "the next shell on; `jaxcollapse --show-completion` prints what it would install.",
        "",
        "On a terminal, a run shows a bar and colours. With `--plain`, `TERM=dumb`, or where output goes to a file "
        "or a pipe, it writes lines instead, one every ten seconds. `NO_COLOR=1` leaves out colours only.",
    ]
    for name, command in group.commands.items():
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option" and not param.hidden]
        usage = " ".join(["jaxcollapse", name, *(param.metavar for param in arguments), "[OPTIONS]"])
        rows = [(f"`{param.metavar}`", "", _words(param)) for param in arguments]
        rows += [
            (_spelling(param), written(param.default) if param.default else "", _words(param)) for param in options
        ]
        heads = ("argument or option", "default", "meaning")
        lines += ["", f"## {name}", "", f"    {usage}", "", command.help, "", *table(heads, rows)]
    return "\n".join(lines) + "\n"


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    cells = [heads, ("---",) * len(heads), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def _called(name: str) -> str:
    """A function of theory, with a link to its entry."""
    return f"[`{name}`](#jaxcollapse.theory.{name})"


def _spelling(option: Any) -> str:
    """How an option is typed."""
    value = "" if option.is_flag else f" {option.metavar}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


def _words(param: Any) -> str:
    """What an argument or option is for; in Markdown a "<" would begin a tag."""
    return (param.help or "").replace("<", r"\<")


PAGES = {
    "observables.md": observables,
    "fields.md": fields,
    "theory.md": theory,
    "api_theory.md": api_theory,
    "command_line.md": command_line,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
