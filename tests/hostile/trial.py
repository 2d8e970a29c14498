"""Trying hostile inputs: each in a folder of its own, through the command line, with limits of time and memory."""

import hashlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from tests.hostile.worker import MEMORY, PATIENCE

SECONDS = 30.0
SECRET = "unlikely-secret"
MOST_CHARACTERS = 1500  # of a message, the path of the file included
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """files: content by path. links: targets by path; OUTSIDE in a target is a folder that is none of its business.

    arguments: the command, which runs in the folder of the case. sizes: files that are made so long, without content.
    """

    kind: str
    arguments: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    pipes: tuple[str, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Short, since files may be large; and another one for other files."""
        content = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        return f"Case({self.kind!r}, {self.arguments!r}, {content}, {self.links}, {self.pipes}, {self.sizes})"

    def lay_out(self, root: Path) -> None:
        """Makes its files in a folder."""
        outside = root.parent / "outside"
        root.mkdir(parents=True, exist_ok=True)
        outside.mkdir(exist_ok=True)
        (outside / "secret.csv").write_text(f"token,probability\n{SECRET},1\nb,2\n")
        for name, content in self.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content.replace(b"OUTSIDE", bytes(outside)))
        for name, target in self.links.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).unlink(missing_ok=True)
            (root / name).symlink_to(target.replace("OUTSIDE", str(outside)))
        for name in self.pipes:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).unlink(missing_ok=True)
            os.mkfifo(root / name)
        for name, size in self.sizes.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
            os.truncate(root / name, size)


@dataclass(frozen=True)
class Outcome:
    """accepted: exit code 0 or 1 of a study that is incomplete. wrong: what must not happen, and did."""

    case: Case
    accepted: bool
    seconds: float
    said: str
    wrong: list[str]


class Worker:
    """A process that runs commands; it is started anew when one of them ends or hangs it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> "Worker":
        self._cache = TemporaryDirectory()
        self._stderr = TemporaryFile()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._cache.cleanup()
        self._stderr.close()

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "JAX_PLATFORMS": "cpu"}
        environment["XDG_CACHE_HOME"] = environment["TMPDIR"] = self._cache.name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        self._answers = queue.Queue()
        self._reader = threading.Thread(target=_pass_on, args=(self._process.stdout, self._answers), daemon=True)
        self._reader.start()
        with TemporaryDirectory() as folder:  # imports what there is to import
            Path(folder, "sweep.toml").write_text("generations = 1\nreplicates = 1\n")
            for arguments in (
                ["plan", str(ROOT / "sweeps/personas_of_languages.toml")],
                ["run", f"{folder}/sweep.toml", "--out", f"{folder}/study"],
                ["finalize", f"{folder}/study"],
                ["report", f"{folder}/study"],
            ):
                self.ask({"arguments": arguments, "root": folder, "watched": False})

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        process.wait()
        self._reader.join()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def ask(self, told: dict[str, Any], seconds: float = 300.0) -> dict[str, Any] | str:
        """What came of a case; or a word for what it did to the process."""
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            print(json.dumps(told), file=self._process.stdin, flush=True)
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self._stop()
            return f"hangs: no end after {seconds:g} s"
        if answer is None:
            code = self._process.wait()
            self._stop()
            self._stderr.seek(0)
            said = self._stderr.read().decode().splitlines()[-1:]
            if code == 1 and said and "HDF5 hangs" in said[0]:
                return {"code": 1, "stdout": "", "stderr": f"{said[0]}\n", "trace": "", "seconds": PATIENCE, "seen": []}
            return f"crashes the process: {code}"
        return json.loads(answer)

    def try_out(self, case: Case, root: Path) -> Outcome:
        """Lays out a case, runs its command and judges what happened. What is not its own must be as it was."""
        case.lay_out(root)
        if self._process is None:
            self._start()
            self.ask({"arguments": ["--help"], "root": str(root), "limit": MEMORY})
        before = _others(root)
        answer = self.ask({"arguments": case.arguments, "root": str(root)}, SECONDS)
        if isinstance(answer, str):
            return Outcome(case, False, SECONDS, "", [answer])
        wrong = [*answer["seen"], *_complaints(answer, root)]
        if _others(root) != before:
            wrong.append("changed what is beside its folder")
        said = answer["stdout"] + answer["stderr"]
        return Outcome(case, answer["code"] != 2, answer["seconds"], said, wrong)


def try_all(cases: Iterable[Case], folder: Path) -> Iterator[Outcome]:
    """One after the other."""
    with Worker() as worker:
        for number, case in enumerate(cases):
            yield worker.try_out(case, folder / f"{number:04}" / "case")


def _complaints(answer: dict[str, Any], root: Path) -> Iterator[str]:
    """What is wrong with how a command ended, and with what it said."""
    code, out, err = answer["code"], answer["stdout"], answer["stderr"]
    if answer["trace"]:
        yield f"traceback: {answer['trace'][-1500:]}"
    if "Traceback" in out + err:
        yield "prints a traceback"
    if code not in (0, 1, 2):
        yield f"exit code {code}"
    is_usage = err.startswith("Usage: ") and "Error: " in err  # of an option, which Typer refuses
    if code == 2 and not is_usage and (out or not err or not all(map(_is_message, err.splitlines()))):
        yield f"not messages: {out[:200]!r} {err[:500]!r}"
    if len(err.replace(str(root), "")) > MOST_CHARACTERS * max(1, err.count("\n")):
        yield f"says too much: {len(err)} characters"
    if not (out + err).replace("\n", "").isprintable():
        yield f"prints what a terminal may obey: {(out + err)[:500]!r}"
    if SECRET in out + err:
        yield "tells a secret"


def _is_message(line: str) -> bool:
    return line.startswith("jaxcollapse: ")


def _others(root: Path) -> dict[str, bytes]:
    """All that is beside a case's folder."""
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for path in sorted(root.parent.rglob("*"))
        if not path.is_relative_to(root)
    }


def _pass_on(lines: Any, answers: "queue.Queue[str | None]") -> None:
    for line in lines:
        answers.put(line)
    answers.put(None)
