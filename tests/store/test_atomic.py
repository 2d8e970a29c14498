"""What is written replaces a file or a link, and nothing else; what is left over goes, whatever its name."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from jaxcollapse.store.claims import sweep_up
from jaxcollapse.system.atomic import is_sealed, replacing


def write(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("new")


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for target in ("mine", "nothing", "link"):
        link = tmp_path / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        write(link)
        assert not link.is_symlink()
        assert link.read_text() == "new"
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "output"
    (os.mkdir if kind == "folder" else os.mkfifo)(path)
    with pytest.raises(OSError, match="Is a directory" if kind == "folder" else "is a device or a pipe"):
        write(path)
    assert not path.is_file()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_mostly_holes_is_not_read(tmp_path: Path) -> None:
    """It would take hours."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2**20)
    os.truncate(path, 2**40)
    with path.open("rb+") as file:
        file.seek(2**39)
        file.write(b"x" * 2**20)
    assert not is_sealed(path)


def test_leftovers_of_any_name_go_and_their_folder_is_listed_once(tmp_path: Path) -> None:
    names = {".**.lock", ".[a.lock", ".a*.nc.0.tmp", ".?.nc.1.tmp", *(f".{number:016x}.lock" for number in range(300))}
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "[a.nc").touch()
    listed = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("os.listdir", "os.scandir") and str(arguments[0]) == str(tmp_path):
            listed.append(event)

    sys.addaudithook(hook)
    sweep_up(tmp_path)
    assert len(listed) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["[a.nc"]
