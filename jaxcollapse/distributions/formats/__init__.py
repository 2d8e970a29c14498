"""File formats that an initial distribution is read from. Each says which variable is meant, and reads it."""

from jaxcollapse.distributions.formats import delimited, netcdf, npz
from jaxcollapse.distributions.formats.contents import Contents, Wanted

FORMATS = {".nc": netcdf, ".npz": npz, ".csv": delimited, ".tsv": delimited}

__all__ = ["FORMATS", "Contents", "Wanted"]
