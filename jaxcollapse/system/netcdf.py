r"""Opening netCDF files: all other modules do it here, so that a path means the same to netCDF as to the system.

xarray takes `~` for the home folder and `a://b` for an address. The netCDF library drops leading blanks, replaces `\`
by `/`, and takes `c:` and `/cygdrive/c` for drives of Windows. It leaves an absolute path alone if it has no backslash
and does not begin with `/cygdrive/`. Other files are opened through a symbolic link whose name it leaves alone.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import netCDF4
import xarray as xr

from jaxcollapse.system.scratch import temporary_folder


def open_netcdf(path: Path, mode: Literal["r", "a", "w"] = "r") -> netCDF4.Dataset:
    """A file for reading or writing by netCDF4.

    Raises:
        OSError: it cannot be opened.
    """
    return netCDF4.Dataset(_unmistakable(path), mode)


def open_dataset(path: Path, **options: Any) -> xr.Dataset:
    """A file as a lazy dataset; options as those of `xarray.open_dataset`.

    Raises:
        OSError: it cannot be opened.
    """
    data = xr.open_dataset(_unmistakable(path), engine="netcdf4", **options)
    data.encoding["source"] = str(path.absolute())
    return data


def write_dataset(data: xr.Dataset, path: Path, encoding: Mapping[Any, Any]) -> None:
    """Writes a dataset to a new file; encoding as that of `xarray.Dataset.to_netcdf`.

    Raises:
        OSError or RuntimeError: it cannot be written.
    """
    data.to_netcdf(_unmistakable(path), engine="netcdf4", encoding=encoding)


def _unmistakable(path: Path) -> str:
    """An absolute name of the same file that the netCDF library does not change."""
    whole = path.parent.resolve() / path.name  # xarray cancels `link/..`, which the system does not
    if "\\" in whole.name:
        return _link_to(whole)
    if "\\" in str(whole) or whole.parts[1:2] == ("cygdrive",):
        return f"{_link_to(whole.parent)}/{whole.name}"
    return str(whole)


@cache
def _link_to(path: Path) -> str:
    """A symbolic link to a file or folder. It lasts as long as the process, since lazy datasets open files again."""
    link = temporary_folder() / "link"
    link.symlink_to(path)
    return str(link)
