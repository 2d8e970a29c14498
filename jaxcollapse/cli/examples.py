"""The commands `jaxcollapse examples` and `jaxcollapse init`."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from jaxcollapse.cli.arguments import AsJson, path, tells_bad_input
from jaxcollapse.errors import printable


@partial(tells_bad_input, uses_jax=False)
def examples(as_json: AsJson = False) -> int:
    """List the shipped sweep files. `jaxcollapse init NAME` copies one."""
    from jaxcollapse.system.shipped_sweeps import examples as shipped

    titles = shipped()
    if as_json:
        print(json.dumps(titles, indent=1, ensure_ascii=False))
        return 0
    width = max(map(len, titles))
    for name, title in titles.items():
        print(printable(f"{name:{width}}  {title}"))
    return 0


@partial(tells_bad_input, uses_jax=False)
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An example that `jaxcollapse examples` lists.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", parser=path, help="Folder to copy it to; by default the working folder."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Copy a shipped sweep file and the data it reads."""
    from jaxcollapse.system.shipped_sweeps import copy_example

    written = copy_example(name, out or Path())
    if as_json:
        print(json.dumps(list(map(str, written))))
        return 0
    for each in written:
        print(printable(f"wrote {each}"))
    print(printable(f"next: jaxcollapse run {written[0]}"))
    return 0
