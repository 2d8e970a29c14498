"""The study folder: sweep.toml, inputs, plan.json, shards, result.nc."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.errors import InputError, printable
from jaxcollapse.execute import COMPLETE, DIVERGED, Result
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.planning.until import Asked
from jaxcollapse.store import assembly, sweep_file
from jaxcollapse.store.claims import claimed
from jaxcollapse.store.creation import (
    LOCK,
    check_may_be_read,
    check_may_be_written,
    made,
    may_become_a_study,
    said_if_it_cannot_be_written,
    what_lacks,
)
from jaxcollapse.store.evidence import shards_and_asked
from jaxcollapse.store.existing_result import set_aside, set_shard_aside
from jaxcollapse.store.extension import FORMAT, check_extends, fingerprint, settings
from jaxcollapse.store.inputs import with_inputs
from jaxcollapse.store.lock import locked
from jaxcollapse.store.partition import Partition, check_parts, is_planned
from jaxcollapse.store.placement import ELSEWHERE, rows
from jaxcollapse.store.resume import joined, loaded
from jaxcollapse.store.shard import BadShardError, Header, read_header, write_shard
from jaxcollapse.store.shards import Shards
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.atomic import replacing, sweep_up, sweep_up_below
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.system.paths import user_path

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A study folder and its sweep.

    Attributes:
        folder: the folder.
        sweep: the sweep that it holds.
    """

    folder: Path
    sweep: Sweep

    @classmethod
    def open(cls, folder: str | Path) -> "Study":
        """An existing study.

        Raises:
            InputError: the folder is not a study, or its sweep file is damaged.
        """
        folder = user_path(folder)
        check_may_be_read(folder)
        if not folder.exists():
            raise InputError("", "there is no such folder", str(folder))
        if lacking := what_lacks(folder):
            raise InputError("", f"is not a study: it lacks {lacking}", str(folder))
        sweep = sweep_file.read(folder)
        check_parts(folder / "plan.json", sweep)
        return cls(folder, sweep)

    @classmethod
    def check(cls, folder: Path, sweep: Sweep) -> None:
        """Whether a folder may become, or is, a study of this sweep.

        Raises:
            InputError: it holds something else, or a study that the sweep contradicts.
        """
        check_may_be_written(folder)
        fresh = may_become_a_study(folder)  # asked first: another run may be making it one
        try:
            held = cls.open(folder).sweep
        except InputError as error:
            is_lost = is_planned(folder / "plan.json", fingerprint(sweep))  # a study's sweep file is gone or damaged
            if fresh or is_lost:
                return
            if what_lacks(folder):
                told = "is neither empty nor a study; name another folder with --out"
                raise InputError("", told, str(folder)) from None
            raise error
        has_rule = held.stopping and sweep.replicates < held.replicates
        check_extends(held, sweep, folder, cls(folder, held).shards().replicates if has_rule else None)

    @classmethod
    def create(cls, folder: Path, sweep: Sweep) -> "Study":
        """A study of this sweep: a new one, or an existing one that the sweep extends.

        Raises:
            InputError: the folder holds something else, or a study that the sweep contradicts.
        """
        cls.check(folder, sweep)
        with said_if_it_cannot_be_written(folder):
            (folder / "shards").mkdir(parents=True, exist_ok=True)
            own = with_inputs(sweep, folder / "inputs")
            study = cls(folder, own)
            study.restore()
        return study

    def restore(self) -> None:
        """Writes the sweep file, unless it says the same, maybe with comments."""
        if not what_lacks(self.folder):
            try:
                if Study.open(self.folder).sweep == self.sweep:
                    return
            except InputError as error:
                set_aside(self.folder / sweep_file.NAME, "damaged", error.problem, ".toml")
        sweep_file.write(self.folder, self.sweep)

    def reopened(self) -> "Study":
        """The study as it is now: it may have been extended in the meantime, or have lost its sweep file."""
        if what_lacks(self.folder) == sweep_file.NAME:
            _log.warning("%s was deleted; writing it again", printable(self.folder / sweep_file.NAME))
            self.restore()
        return Study.open(self.folder)

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
                lock = held.enter_context(locked(folder / LOCK, "is planning in"))
                if lock.is_held:
                    for path in (folder / "sweep.toml", folder / "plan.json"):
                        sweep_up(path)
                    sweep_up_below(folder / "inputs")
            yield

    @property
    def result(self) -> Path:
        """The path of the study's dataset, result.nc."""
        return self.folder / "result.nc"

    @property
    def zarr(self) -> Path:
        """The dataset as a Zarr store, where it was asked for."""
        return self.folder / "result.zarr"

    @property
    def shard_folder(self) -> Path:
        """The folder that holds the study's shards."""
        return self.folder / "shards"

    @cached_property
    def identities(self) -> np.ndarray:
        """The 64-bit identity of each cell."""
        return self.sweep.grid.identities(self.sweep.seed)

    @cached_property
    def _known(self) -> tuple[np.ndarray, np.ndarray]:
        """All identities that results may have, in ascending order, and the cell of each."""
        identities, cells = self.sweep.grid.known_as(self.sweep.seed)
        order = np.argsort(identities, kind="stable")
        return identities[order], cells[order]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that shards of one study have in common."""
        return fingerprint(self.sweep)

    def digest(self, chunk_size: int | None, platform: str, kernel: str, *further: Any) -> str:
        """A digest of all that decides how a study is cut into chunks, except the shards that it already has.

        further: JSON values that have a part in it.
        """
        cells = hashlib.sha256(self.identities.astype("<u8").tobytes()).hexdigest()
        told = [self.fingerprint, cells, self.sweep.replicates, chunk_size, platform]
        told += ["coarse first"]  # the order in which cells are cut into chunks
        told += [kernel] if kernel != SAME_BITS else []  # of which nothing was said before there was a choice
        told += further
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
            set_shard_aside(bad)
            raise InputError(
                "", "a shard to continue from is damaged and was set aside; run again", str(bad.path)
            ) from None

    def shards(self, some: Collection[Path] | None = None) -> Shards:
        """Verifies every shard, or some of them.

        Raises:
            OSError: one cannot be read, and may be all right.
            MemoryError: the same.
        """
        good, begun, told, seals, bad, astray = {}, {}, [], {}, {}, 0
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
                seals[path] = header.seal
                astray += int((~mine).sum())
                status[where[mine]] = header.status[mine]
            else:
                bad[path] = "holds no cell of sweep.toml: it has another seed, or belongs to another sweep"
        shape = self.sweep.grid.cells, self.sweep.replicates
        return Shards(good, begun, told, seals, bad, astray, status.reshape(shape))

    def _rows(self, header: Header) -> np.ndarray:
        """Where a shard's trajectories belong in the dataset."""
        known, cell = self._known
        position = np.minimum(np.searchsorted(known, header.cells), len(known) - 1)
        mine = (known[position] == header.cells) & (header.replicates < self.sweep.replicates)
        cells = cell[position]
        return np.where(mine, rows(cells, header.replicates, self.sweep.replicates), ELSEWHERE)

    def read(self) -> xr.Dataset:
        """The dataset, complete or not, opened lazily. No file gets another name, or is replaced by less.

        It is kept where the user's caches are if the folder cannot be written to, or something else is in its place.

        Raises:
            OSError: a file of the study cannot be read.
        """
        return assembly.read(self)

    def finalize(self) -> xr.Dataset:
        """Assembles what has been computed into result.nc, unless it is there already, and opens it lazily.

        A whole result.nc that holds more of the study than its shards do stays; one that is damaged, was changed, or
        is of another sweep, is set aside.

        Raises:
            OSError: a file of the study cannot be read or written.
        """
        return assembly.finalized(self)

    def fitted(self, shards: Shards | None = None) -> "tuple[Study, Shards]":
        """The study as its dataset has it, and its shards.

        With a rule for replicates, arrays have places for as many as some cell has, or is asked for by now.

        shards: some of them, by default all.
        """
        if (rule := self.sweep.stopping) is None:
            return self, self.shards() if shards is None else shards
        found, asked = shards_and_asked(self, rule, shards)
        found = found.fitted(asked.number)
        return Study(self.folder, self.sweep.with_places(found.status.shape[1])), found

    def asked(self) -> Asked:
        """How many replicates the study's rule asks for by now. There must be a rule."""
        assert self.sweep.stopping
        return shards_and_asked(self, self.sweep.stopping)[1]

    def summary(self) -> dict[str, Any]:
        """Numbers of trajectories by status, and shards that do not count.

        With a rule for replicates, of those that it asks for by now, and how many cells have decided.
        """
        shards, cells = self.shards(), dict[str, Any]()
        wanted = np.ones_like(shards.done)
        if rule := self.sweep.stopping:
            shards, asked = shards_and_asked(self, rule, shards)
            wanted = asked.wants(self.sweep.replicates)
            decided = asked.number[~asked.is_open]
            cells = {
                "cells": len(asked.number),
                "decided": len(decided),
                "replicates": [int(decided.min()), int(decided.max())] if len(decided) else None,
            }
        trajectories = int(wanted.sum())
        return {
            "study": str(self.folder),
            "title": self.sweep.title,
            "trajectories": trajectories,
            "complete": int(((shards.status == COMPLETE) & wanted).sum()),
            "diverged": int(((shards.status == DIVERGED) & wanted).sum()),
            "missing": int((~shards.done & wanted).sum()),
            **cells,
            "shards": len(shards.good),
            "computing": claimed(self.shard_folder),
            "bad_shards": {path.name: reason for path, reason in shards.bad.items()},
            "not_in_sweep": shards.astray,
            "result": str(self.result) if self.result.exists() else None,
        }


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
