"""A study's dataset: opened where it is there, else assembled from the shards.

Reading takes nothing away: it assembles `result.nc` where it is missing, or has fewer trajectories. What is in
the way stays, and the dataset goes to the user's cache. `run` and `finalize` set it aside.
"""

import hashlib
import logging
import os
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from jaxcollapse._version import __version__
from jaxcollapse.errors import printable
from jaxcollapse.execute.provenance import encode
from jaxcollapse.planning.library import Library
from jaxcollapse.store import dataset
from jaxcollapse.store.existing_result import ResultState, make_room, set_shard_aside, standing, why
from jaxcollapse.store.lock import locked
from jaxcollapse.store.placement import PlacedPart
from jaxcollapse.store.shard import BadShardError, read_variable
from jaxcollapse.store.shards import Shards
from jaxcollapse.store.zarr import sweep_up_exports
from jaxcollapse.system.atomic import replacing, seal, sweep_up
from jaxcollapse.system.scratch import cache_folder, temporary_folder

if TYPE_CHECKING:
    from jaxcollapse.store.study import Study

_log = logging.getLogger(__name__)


def read(study: "Study") -> xr.Dataset:
    """The dataset of a study, complete or not, opened lazily. No file gets another name, or is replaced by less.

    Raises:
        OSError: a file of the study cannot be read.
    """
    own, shards = study.fitted()
    stands = standing(study.result, own.sweep, _content(own, shards), shards)
    if stands is ResultState.STAYS:
        return dataset.lazily(study.result)
    if why(stands):
        told = "%s %s; the dataset is read from the shards, and `jaxcollapse finalize` writes it"
        _log.warning(told, printable(study.result), why(stands))
    is_free = not why(stands) and os.access(study.folder, os.W_OK)
    return _assembled_here(study, sets_aside=False) if is_free else _assembled_in_cache(study)


def finalized(study: "Study") -> xr.Dataset:
    """The dataset of a study, with `result.nc` assembled; a file that is in its way is set aside.

    Raises:
        OSError: a file of the study cannot be read or written.
    """
    return _assembled_here(study, sets_aside=True) if os.access(study.folder, os.W_OK) else read(study)


def _assembled_here(study: "Study", *, sets_aside: bool) -> xr.Dataset:
    sweep_up_exports(study.zarr)
    with locked(study.folder / ".result.lock", "assembles the dataset of") as lock:
        if lock.is_held:
            sweep_up(study.result)
        own, shards = study.fitted()
        while True:
            content = _content(own, shards)
            stands = standing(study.result, own.sweep, content, shards)
            if stands is ResultState.STAYS:
                return dataset.lazily(study.result)
            if why(stands) and not sets_aside:  # put there since it was looked at
                return _assembled_in_cache(study)
            make_room(study.result, stands)
            try:
                _write(own, shards, content, study.result)
                break
            except BadShardError as bad:
                own, shards = _without(study, shards, bad, sets_aside=sets_aside)
    if study.zarr.exists():
        told = "%s holds an earlier dataset; `jaxcollapse finalize --zarr` updates it"
        _log.warning(told, printable(study.zarr))
    return dataset.lazily(study.result)


def _assembled_in_cache(study: "Study") -> xr.Dataset:
    """In a folder of the user's, under a name that follows from every bit that the dataset is made from."""
    own, shards = study.fitted()
    while True:
        content = _content(own, shards)
        path = _cache() / f"{_digest(own, shards, content)}.nc"
        if standing(path, own.sweep, content, shards) is not ResultState.STAYS:
            try:
                _write(own, shards, content, path)
            except BadShardError as bad:
                own, shards = _without(study, shards, bad, sets_aside=False)
                continue
        return dataset.lazily(path)


def _write(study: "Study", shards: Shards, content: str, path: Path) -> None:
    library = Library(study.sweep.grid, study.sweep.seed)
    parts = [PlacedPart.of(study.sweep, where, partial(read_variable, shard)) for shard, where in shards.good.items()]
    with replacing(path) as temporary:
        dataset.write(temporary, study.sweep, library, parts, shards.told, shards.asked, shards=content)
        seal(temporary)


def _without(study: "Study", shards: Shards, bad: BadShardError, *, sets_aside: bool) -> "tuple[Study, Shards]":
    """The study with its other shards, when the numbers of one cannot be read. Set aside, it is computed again."""
    if sets_aside:
        set_shard_aside(bad)
    else:
        _log.warning("%s is ignored: %s", printable(bad.path), printable(bad))
    return study.fitted(study.shards([path for path in shards.good if path != bad.path]))


def _content(study: "Study", shards: Shards) -> str:
    """A digest of what `result.nc` holds: the sweep, and which trajectories there are."""
    held = {"sweep": study.sweep.to_toml(), "shards": [path.stem for path in shards.good]}
    return hashlib.sha256(encode(held).encode()).hexdigest()


def _digest(study: "Study", shards: Shards, content: str) -> str:
    """A digest of all that a dataset is made from. Shards and inputs of the same names may hold anything."""
    made_from = {
        "version": __version__,
        "content": content,
        "cells": hashlib.sha256(study.identities.tobytes()).hexdigest(),  # inputs have a part in them
        "seals": [shards.seals[path].hex() for path in shards.good],
    }
    return hashlib.sha256(encode(made_from).encode()).hexdigest()


def _cache() -> Path:
    """The user's folder for datasets; one for as long as this process lives, where that cannot be used."""
    return cache_folder("datasets") or _until_the_process_ends()


@cache
def _until_the_process_ends() -> Path:
    return temporary_folder()
