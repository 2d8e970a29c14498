"""The shipped sweep files, in a checkout and in an installed package: what there is, and copies to start from."""

import re
import tomllib
from pathlib import Path

from jaxcollapse.errors import InputError, did_you_mean, shown

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "sweeps", _PACKAGE.parent / "sweeps")  # in a wheel, in a checkout
_SCHEMA = _PACKAGE / "sweep" / "sweep.schema.json"
_DATA = re.compile(r'"(data/[\w./-]+)"')


def folder() -> Path:
    """The folder of shipped sweep files.

    Raises:
        InputError: the package was installed without them.
    """
    for each in _FOLDERS:
        if (each / "quickstart.toml").is_file():
            return each
    raise InputError("", "the shipped sweep files are not installed; install jaxcollapse from a wheel or a checkout")


def examples() -> dict[str, str]:
    """The titles of all shipped sweep files, by name."""
    paths = sorted(folder().glob("*.toml"))
    return {path.stem: str(tomllib.loads(path.read_text(encoding="utf-8")).get("title", "")) for path in paths}


def copy_example(name: str, into: Path) -> list[Path]:
    """Copies a shipped sweep file, and the data that it reads, into a folder.

    The copy refers to the JSON Schema of this installation, so that editors complete and check it.

    Args:
        name: of the sweep, without `.toml`.
        into: the folder. Files that are there already, and differ, are left alone.

    Returns:
        The files that the sweep needs, the sweep file first.

    Raises:
        InputError: there is no such sweep, or a file is there already.
    """
    if name not in (known := examples()):
        raise InputError("name", f"{shown(name)} is not a shipped sweep{did_you_mean(name, known)}")
    text = (folder() / f"{name}.toml").read_text(encoding="utf-8")
    text = re.sub(r"^#:schema .*", f"#:schema {_SCHEMA.resolve().as_uri()}", text)
    wanted = {into / f"{name}.toml": text.encode()}
    wanted |= {into / path: (folder() / path).read_bytes() for path in dict.fromkeys(_DATA.findall(text))}
    for path, content in wanted.items():
        if path.exists() and path.read_bytes() != content:
            raise InputError("", "exists already and differs; move it, or choose another folder", str(path))
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list(wanted)
