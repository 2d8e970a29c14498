"""What the native library is made of. Its sources' digest is in the library, so that one of other sources is known."""

import hashlib
from pathlib import Path

LIBRARY = "libjaxcollapse.so"


def digest() -> str:
    """A name for the current C++ sources in this folder."""
    folder = Path(__file__).parent
    sources = sorted([*folder.glob("*.h"), *folder.glob("*.cpp"), *folder.glob("*.cu")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
