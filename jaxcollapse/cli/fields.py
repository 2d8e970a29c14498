"""The command `jaxcollapse fields`."""

import json
import shutil
import textwrap
from typing import Annotated

import typer

from jaxcollapse.cli.arguments import AsJson, PluginFiles, tells_bad_input
from jaxcollapse.errors import InputError, did_you_mean, printable

_INDENT = "    "
_ASPECTS = ("values", "default", "meaning")


@tells_bad_input
def fields(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Fields, or choices such as 'adam'; by default all.")
    ] = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> int:
    """Describe the fields of `[process]`.

    For each field: its default, values and meaning, and when it is used. Fields of plug-ins are included.
    """
    from jaxcollapse.sweep.allowed import allowed
    from jaxcollapse.sweep.process_fields import described, parts, process_model
    from jaxcollapse.sweep.process_fields import fields as all_fields

    known = all_fields()
    of_parts = {part.name: [slot.name, *part.reads] for slot, part in parts() if slot.choice}
    wanted: list[str] = []
    for name in names or known:
        if name not in known and name not in of_parts:
            raise InputError(name, f"unknown field{did_you_mean(name, [*known, *of_parts])}")
        wanted += [name] if name in known else of_parts[name]
    told = {name: (allowed(process_model(), name), *described(known[name])) for name in dict.fromkeys(wanted)}
    if as_json:
        print(json.dumps({name: dict(zip(_ASPECTS, each, strict=True)) for name, each in told.items()}, indent=1))
        return 0
    width = min(shutil.get_terminal_size().columns, 120)
    for name, (values, default, words) in told.items():
        by = f"  (plug-in {known[name].plugin})" if known[name].plugin else ""
        print(printable(f"{name}{f' = {default}' if default else ''}{by}"))
        for line in (words, f"Values: {values}"):
            print(textwrap.fill(printable(line), width, initial_indent=_INDENT, subsequent_indent=_INDENT))
    return 0
