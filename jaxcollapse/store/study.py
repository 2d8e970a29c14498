"""The study folder: sweep.toml, inputs, plan.json, shards, result.nc."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from platformdirs import user_cache_path

from jaxcollapse.errors import InputError, printable
from jaxcollapse.execute import COMPLETE, DIVERGED, Result
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.planning.library import Library
from jaxcollapse.store import dataset
from jaxcollapse.store.atomic import replacing, seal, sweep_up, sweep_up_below
from jaxcollapse.store.claims import claimed
from jaxcollapse.store.creation import (
    LOCK,
    check_stays_inside,
    made,
    may_become_a_study,
    said_if_it_cannot_be_written,
    what_lacks,
)
from jaxcollapse.store.earlier import joined, loaded
from jaxcollapse.store.extension import FORMAT, check_extends, fingerprint, settings
from jaxcollapse.store.inputs import with_inputs
from jaxcollapse.store.lock import locked
from jaxcollapse.store.partition import Partition
from jaxcollapse.store.placement import ELSEWHERE, Part, rows
from jaxcollapse.store.provenance import encode
from jaxcollapse.store.shard import BadShardError, Header, read_header, read_variable, write_shard
from jaxcollapse.store.shards import Shards
from jaxcollapse.store.standing import set_aside, stays
from jaxcollapse.store.zarr import sweep_up_exports
from jaxcollapse.sweep.sweep import Sweep

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A study folder and the sweep that it stands for."""

    folder: Path
    sweep: Sweep

    @classmethod
    def open(cls, folder: str | Path) -> "Study":
        """An existing study.

        Raises:
            InputError: the folder is not a study.
        """
        folder = Path(folder)
        check_stays_inside(folder)
        if lacking := what_lacks(folder):
            raise InputError("", f"is not a study: there is no {lacking} in it", str(folder))
        return cls(folder, Sweep.from_toml(folder / "sweep.toml", folder=folder / "inputs"))

    @classmethod
    def check(cls, folder: Path, sweep: Sweep) -> None:
        """Whether a folder may become, or is, a study of this sweep.

        Raises:
            InputError: it holds something else, or a study that the sweep contradicts.
        """
        check_stays_inside(folder)
        fresh = may_become_a_study(folder)  # asked first: another run may be making it one
        if not what_lacks(folder):
            check_extends(cls.open(folder).sweep, sweep, folder)
        elif not fresh:
            raise InputError("", "is neither empty nor a study; name another folder with --out", str(folder))

    @classmethod
    def create(cls, folder: str | Path, sweep: Sweep) -> "Study":
        """A study of this sweep: a new one, or an existing one that the sweep extends.

        Raises:
            InputError: the folder holds something else, or a study that the sweep contradicts.
        """
        folder = Path(folder)
        cls.check(folder, sweep)
        with said_if_it_cannot_be_written(folder):
            (folder / "shards").mkdir(parents=True, exist_ok=True)
            own = with_inputs(sweep, folder / "inputs")
            if what_lacks(folder) or cls.open(folder).sweep != own:  # what says the same may have comments
                _write_text(folder / "sweep.toml", own.to_toml())
        return cls(folder, own)

    @classmethod
    @contextlib.contextmanager
    def changing(cls, folder: Path) -> Iterator[None]:
        """While this context lasts, no other run creates, extends or plans the study. The folder is made if need be.

        Raises:
            InputError: it cannot be written to.
        """
        with contextlib.ExitStack() as held:
            with said_if_it_cannot_be_written(folder):
                held.enter_context(made(folder))
                lock = held.enter_context(locked(folder / LOCK, "plans what it will do in"))
                if lock.is_held:
                    for path in (folder / "sweep.toml", folder / "plan.json"):
                        sweep_up(path)
                    sweep_up_below(folder / "inputs")
            yield

    @property
    def result(self) -> Path:
        """The dataset's file."""
        return self.folder / "result.nc"

    @property
    def zarr(self) -> Path:
        """The dataset as a Zarr store, where it was asked for."""
        return self.folder / "result.zarr"

    @property
    def shard_folder(self) -> Path:
        """Where the shards are."""
        return self.folder / "shards"

    @cached_property
    def identities(self) -> np.ndarray:
        """The 64-bit identity of each cell."""
        return self.sweep.grid.identities(self.sweep.seed)

    @cached_property
    def _sorted(self) -> np.ndarray:
        """The cells in the order of their identities."""
        return np.argsort(self.identities)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that shards of one study have in common."""
        return fingerprint(self.sweep)

    def digest(self, chunk_size: int | None, platform: str) -> str:
        """Of all that decides how a study is cut into chunks, beside what of it is there already."""
        cells = hashlib.sha256(self.identities.astype("<u8").tobytes()).hexdigest()
        told = [self.fingerprint, cells, self.sweep.replicates, chunk_size, platform]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    @property
    def plan_file(self) -> Path:
        """What runs are about to do, or have done."""
        return self.folder / "plan.json"

    def write_plan(self, plan: Plan, cut: Partition) -> None:
        """Records what runs are about to do, and how they have agreed to cut it."""
        told = {
            "format": FORMAT,
            "study": self.fingerprint,
            "settings": settings(self.sweep),
            **plan.to_dict(),
            "partition": cut.to_dict(),
            "chunk_ids": [chunk.id for chunk in plan.chunks],
        }
        _write_text(self.plan_file, json.dumps(told, indent=1))

    def write(self, result: Result) -> Path:
        """Stores a computed chunk; of one that has gone on, with what was recorded before."""
        if result.chunk.beginning:
            result = joined(self.shard_folder, result, self.sweep)
        return write_shard(self.shard_folder, result, self.identities[result.chunk.cells], self.sweep)

    def loaded(self, chunk: Chunk) -> Chunk:
        """A chunk with what it begins with.

        Raises:
            InputError: that cannot be read.
        """
        try:
            return loaded(self.shard_folder, chunk)
        except BadShardError as bad:
            _set_aside(bad)
            raise InputError("", "a shard to go on from is damaged, and set aside; run again", str(bad.path)) from None

    def shards(self, some: Collection[Path] | None = None) -> Shards:
        """Verifies every shard, or some of them."""
        good, begun, told, bad = {}, {}, [], {}
        status = np.zeros(self.sweep.trajectories, np.int8)
        for path in sorted(self.shard_folder.glob("*.nc") if some is None else some):
            try:
                header = read_header(path, self.fingerprint, self.sweep)
            except BadShardError as reason:
                bad[path] = str(reason)
                continue
            where = self._rows(header)
            mine = where != ELSEWHERE
            if header.recorded[-1] < self.sweep.generations:
                if mine.all():  # else the sweep has lost some, and what it has is computed anew
                    begun[path] = where, int(header.recorded[-1])
            elif mine.any():
                good[path] = where
                told.append(header.told)
                status[where[mine]] = header.status[mine]
        return Shards(good, begun, told, bad, status.reshape(self.sweep.grid.cells, self.sweep.replicates))

    def _rows(self, header: Header) -> np.ndarray:
        """Where a shard's trajectories belong in the dataset."""
        position = np.searchsorted(self.identities, header.cells, sorter=self._sorted)
        cells = self._sorted[np.minimum(position, len(self._sorted) - 1)]
        mine = (self.identities[cells] == header.cells) & (header.replicates < self.sweep.replicates)
        return np.where(mine, rows(cells, header.replicates, self.sweep.replicates), ELSEWHERE)

    def finalize(self) -> xr.Dataset:
        """Assembles what has been computed into result.nc, unless it is there already, and opens it lazily.

        A whole result.nc that holds more of the study than its shards do stays; one that is damaged, was changed, or
        stands for another sweep, is set aside.
        Where the folder cannot be written to, the dataset is kept where the user's caches are.
        """
        if not os.access(self.folder, os.W_OK):
            kept = user_cache_path("jaxcollapse") / "datasets"
            kept.mkdir(parents=True, exist_ok=True, mode=0o700)
            return self._finalized(lambda content: kept / f"{content}.nc")
        sweep_up_exports(self.zarr)
        with locked(self.folder / ".result.lock", "assembles the dataset of") as lock:
            if lock.is_held:
                sweep_up(self.result)
            return self._finalized(lambda content: self.result)

    def _finalized(self, place: Callable[[str], Path]) -> xr.Dataset:
        """The dataset, in its place, which may depend on what is in it."""
        shards = self.shards()
        stands_for = {"sweep": self.sweep.to_toml(), "shards": [path.stem for path in shards.good]}
        content = hashlib.sha256(encode(stands_for).encode()).hexdigest()
        for path in (self.result, place(content)):
            if path.exists() and stays(path, self.sweep, content, shards):
                return dataset.lazily(path)
        library = Library(self.sweep.grid, self.sweep.seed)
        parts = [Part(where, partial(read_variable, path)) for path, where in shards.good.items()]
        try:
            with replacing(place(content)) as temporary:
                dataset.write(temporary, self.sweep, library, parts, shards.told, shards=content)
                seal(temporary)
        except BadShardError as bad:
            _set_aside(bad)
            return self._finalized(place)
        if self.zarr.exists():
            told = "%s is of an earlier dataset, until `jaxcollapse finalize --zarr` writes it anew"
            _log.warning(told, printable(self.zarr))
        return dataset.lazily(place(content))

    def summary(self) -> dict[str, Any]:
        """Numbers of trajectories by status, and shards that do not count."""
        shards = self.shards()
        return {
            "study": str(self.folder),
            "title": self.sweep.title,
            "trajectories": self.sweep.trajectories,
            "complete": int((shards.status == COMPLETE).sum()),
            "diverged": int((shards.status == DIVERGED).sum()),
            "missing": int((~shards.done).sum()),
            "shards": len(shards.good),
            "computing": claimed(self.shard_folder),
            "bad_shards": {path.name: reason for path, reason in shards.bad.items()},
            "result": str(self.result) if self.result.exists() else None,
        }


def _set_aside(bad: BadShardError) -> None:
    """So that its trajectories are computed again."""
    assert bad.path is not None
    set_aside(bad.path, ".damaged", f"does not count: {bad}")


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
