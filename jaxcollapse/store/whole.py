"""A whole dataset by its path: that of a study, or a file that holds one."""

from pathlib import Path

import numpy as np
import xarray as xr

from jaxcollapse.errors import InputError
from jaxcollapse.store.attributes import check_attributes
from jaxcollapse.store.dataset import lazily
from jaxcollapse.store.foreign import StrangeFileError, check_size, check_variable, opened
from jaxcollapse.store.study import Study
from jaxcollapse.system.atomic import is_sealed
from jaxcollapse.system.paths import user_path


def read(what: str | Path) -> tuple[xr.Dataset, Path]:
    """The dataset of a study, complete or not, or of a file that `run` or `join` has written (`*.nc`), opened lazily.

    Args:
        what: a study folder, or a file.

    Returns:
        The dataset, and the path of the file that holds it, or will.

    Raises:
        InputError: it is not a study, or the file is damaged or of another program.
        OSError: it cannot be read.
    """
    path = user_path(what)
    if path.suffix != ".nc" or not path.is_file():
        study = Study.open(path)
        return study.read(), study.result
    if not is_sealed(path):
        raise InputError("", "is damaged, was changed, or was not written by jaxcollapse", str(path))
    try:
        with opened(path) as file:
            for name in {"status", *file.dimensions} & file.variables.keys():  # which xarray reads at once
                check_size(file, name)
            if "status" not in file.variables:
                raise InputError("", "is not a dataset of jaxcollapse: it lacks the variable status", str(path))
            check_variable(file, "status", np.dtype("int8"), file.variables["status"].dimensions)
            check_attributes(file)
    except StrangeFileError as error:
        raise InputError("", f"is not a dataset of jaxcollapse: {error}", str(path)) from None
    return lazily(path), path
