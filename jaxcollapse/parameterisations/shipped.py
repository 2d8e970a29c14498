"""Pre-trained networks that come with the package, by the names that pre-training gives them."""

from importlib.resources import files

_FOLDER = files(__package__) / "pretrained"


def arrays(name: str) -> bytes | None:
    """A file of parameters; None if the package has none of this name."""
    file = _FOLDER / f"{name}.npz"
    return file.read_bytes() if file.is_file() else None
