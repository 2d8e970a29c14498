"""The command `jaxcollapse join`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from jaxcollapse.cli.arguments import AsJson, PluginFiles, path, tells_bad_input
from jaxcollapse.errors import printable


@tells_bad_input
def join(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY...", parser=path, help="At least two: each a study folder, or a file with a dataset."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", parser=path, help="File to write, in netCDF.")],
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> int:
    """Write several studies of one process as one dataset.

    Axes and replicates are united, and constants that differ become an axis. Trajectories that no study has count as
    missing. Studies that contradict each other are refused.
    """
    from jaxcollapse.execute import MISSING
    from jaxcollapse.store.joined import join as joined

    found = joined(studies, out)
    told = {
        "dataset": str(out),
        "dimensions": {str(name): size for name, size in found.sizes.items()},
        "missing": int((found.status == MISSING).sum()),
    }
    if as_json:
        print(json.dumps(told, indent=1))
        return 0
    axes = ", ".join(f"{name}: {size}" for name, size in found.status.sizes.items())
    missing = f"; {told['missing']} trajectories are in none of them" if told["missing"] else ""
    print(printable(f"joined {len(studies)} studies ({axes}{missing})"))
    print(f"dataset: {printable(out)}")
    return 0
