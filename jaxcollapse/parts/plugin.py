"""Plug-ins: code of a user's own that adds parts, known by a digest of its text.

A plug-in is a Python file that the user loads: by `--plugin FILE`, or in Python by `load_plugin` or an import.
A sweep file can name the plug-ins that it needs; naming one runs nothing. Parts that a notebook or a script defines are
known by the text of their own functions, so that other cells and lines may change.
"""

import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import CodeType
from typing import Any

from jaxcollapse.errors import InputError, did_you_mean, printable, shown
from jaxcollapse.parts.code_table import TABLES
from jaxcollapse.system.paths import user_path

ENTRY_POINTS = "jaxcollapse.parts"  # the group in which installed packages offer plug-ins
_MOST_BYTES = 2**22  # of a plug-in's file
_DIGITS = 16  # of a digest


@dataclass(frozen=True)
class Plugin:
    """The source of a part that the package does not have.

    Attributes:
        name: its name in sweep files; of a file, its name without `.py`.
        digest: the first 16 hexadecimal digits of the SHA-256 of its text.
        path: its file; None if a notebook or a script defines the part.
        source: argument of `load_plugin`, also in workers; None if a notebook or a script defines the part.
    """

    name: str
    digest: str
    path: Path | None = None
    source: str | None = None

    def __str__(self) -> str:
        return f"{self.name} (sha256 {self.digest})"


LOADED: dict[str, Plugin] = {}  # by name: what has added parts to this process
_running: list[Plugin] = []  # what `load_plugin` is running


def load_plugin(source: str | Path) -> Plugin:
    """Runs a plug-in, whose decorators add its parts. One that is loaded, and has the same text, is not run again.

    Args:
        source: a Python file, or the name of a plug-in that an installed package offers as an entry point of the group
            `jaxcollapse.parts`.

    Raises:
        InputError: there is no such file or module, or it fails.
    """
    path, module = _found(source)
    text = _read(path)
    name, again = (path.stem, str(path)) if module is None else (str(source), str(source))
    plugin = Plugin(name, _digest(text), path, again)
    if LOADED.get(name) == plugin:
        return plugin
    _note(plugin)
    _running.append(plugin)
    try:
        if module is None:
            _run(plugin, text)
        else:
            import_module(module)
    except BaseException as error:
        forget(name)
        if isinstance(error, InputError) or not isinstance(error, Exception):
            raise
        raise InputError("plugin", failure(error, path)) from error
    finally:
        _running.pop()
    return plugin


def load_plugins(sources: Iterable[str | Path]) -> None:
    """Runs plug-ins, one after the other. Raises as `load_plugin`."""
    for source in sources:
        load_plugin(source)


def forget(name: str) -> None:
    """Drops a plug-in and its parts."""
    LOADED.pop(name, None)
    for table in TABLES:
        for part, entry in list(table.items()):
            if (plugin := getattr(entry, "plugin", None)) is not None and plugin.name == name:
                del table[part]


def plugin_of(function: Callable) -> Plugin:
    """The plug-in that defines a function: its module, or the function alone if a script or notebook defines it."""
    file = inspect.getsourcefile(function)
    if function.__module__ in ("__main__", "__mp_main__") or file is None or not Path(file).is_file():
        return Plugin("__main__", _digest(_text_of(function).encode()))
    path = Path(file).resolve()
    for plugin in _running:
        if plugin.path == path:
            return plugin
    plugin = Plugin(path.stem, _digest(_read(path)), path, str(path))
    if LOADED.get(plugin.name) != plugin:
        _note(plugin)
    return plugin


def _text_of(function: Callable) -> str:
    """The text of a function; where none is kept (`python -c`, `exec`), what it was compiled to."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        methods = vars(function).values() if isinstance(function, type) else [function]
        return repr([_compiled(each.__code__) for each in methods if hasattr(each, "__code__")])


def _compiled(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(_compiled(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.co_code, constants, code.co_names


def _note(plugin: Plugin) -> None:
    """Takes a plug-in as the one of its name; parts of an earlier text go."""
    before = LOADED.get(plugin.name)
    if before is not None and before.path != plugin.path:
        raise InputError("plugin", f"{plugin.name!r} names two files, {before.path} and {plugin.path}; rename one")
    forget(plugin.name)
    LOADED[plugin.name] = plugin


def check_loaded(names: Iterable[str]) -> None:
    """Raises `InputError` unless plug-ins of these names are loaded."""
    for name in names:
        if name not in LOADED:
            told = f"{shown(name)} is not loaded; give --plugin FILE, or import it in Python"
            raise InputError("plugins", told + (did_you_mean(name, LOADED) if LOADED else ""))


def failure(error: BaseException, path: str | Path | None) -> str:
    """What went wrong in a plug-in, in one line: the error, and the last line of the plug-in that was reached."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if path is not None and trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        line = error.lineno or 0
    where = "" if path is None else f" ({path}{f', line {line}' if line else ''})"
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())}{where}")


@contextmanager
def told_in_a_line(key: str, plugins: Iterable[Plugin | None]) -> Iterator[None]:
    """Where parts of plug-ins run: what goes wrong is an `InputError`, which names the line of the plug-in."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        paths = [plugin.path for plugin in plugins if plugin]
        if not paths:
            raise
        reached = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
        path = next((path for path in paths if str(path) in reached), paths[0])
        raise InputError(key, failure(error, path)) from error


class _Loader(SourceFileLoader):
    """Runs the text whose digest was taken, whatever has become of the file, and of bytecode next to it."""

    text = b""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.text, self.path)


def _found(source: str | Path) -> tuple[Path, str | None]:
    """The file of a plug-in; and its module, if an installed package offers it."""
    path = user_path(source, "plugin")
    if path.is_file():
        return path.resolve(), None
    offered = {point.name: point.module for point in entry_points(group=ENTRY_POINTS)}
    if (module := offered.get(str(source))) is not None:
        spec = find_spec(module)
        if spec is not None and spec.origin and Path(spec.origin).is_file():
            return Path(spec.origin).resolve(), module
    raise InputError(
        "plugin", f"{shown(str(source))}: no such file{did_you_mean(str(source), offered) if offered else ''}"
    )


def _run(plugin: Plugin, text: bytes) -> None:
    """Runs the text of a file as a module of the plug-in's name."""
    loader = _Loader(plugin.name, str(plugin.path))
    loader.text = text
    module = module_from_spec(ModuleSpec(plugin.name, loader, origin=str(plugin.path)))
    module.__file__ = str(plugin.path)
    forgotten = sys.modules.get(plugin.name)
    sys.modules[plugin.name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(plugin.name)
        if forgotten is not None:
            sys.modules[plugin.name] = forgotten
        raise


def _read(path: Path) -> bytes:
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise InputError("plugin", f"{str(path)!r} has {size} bytes; at most {_MOST_BYTES} are allowed")
    return path.read_bytes()


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_DIGITS]
