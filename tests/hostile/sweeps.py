"""Hostile sweep files: shipped ones with bytes changed, and sweeps with values that nobody would write."""

from functools import reduce
from operator import getitem
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from jaxcollapse.sweep.toml import as_toml
from tests.hostile.trial import ROOT, SECRET, Case
from tests.sweep.strategies import FIELDS, sweeps
from tests.sweep.test_malformed import places, replaced

SHIPPED = [path.read_bytes() for path in sorted(ROOT.glob("sweeps/*.toml"))]
DATA = {f"data/{path.name}": path.read_bytes() for path in sorted(ROOT.glob("sweeps/data/*.nc"))}
PIECES = [
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"'",
    b"=",
    b",",
    b".",
    b"#",
    b"\n",
    b"\0",
    b"\xff",
    b"1e999",
    b"-",
    b"inf",
    b"nan",
]

BIG = [10**6, 2**24, 2**24 + 1, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 10**12, 10**30, 10**400]
NUMBERS = [
    *BIG,
    *(-number for number in BIG),
    0,
    -0.0,
    5e-324,
    1e-300,
    1e12,
    1e300,
    1.8e308,
    float("inf"),
    float("nan"),
]
TEXTS = [
    "__import__('os').system('touch canary')",
    "{0.__class__.__mro__[1].__subclasses__}",
    "%s%n$(touch canary)`id`",
    "\x1b[2J\x1b]0;title\x07",
    "[red]a[/]",
    "<script>alert(1)</script>",
    "$\\frac{",
    "\u202e\u2066",
    "a\x00b",
    "!!python/object/apply:os.system",
    "x" * 5000,
    "../" * 50,
]
PATHS = [
    "OUTSIDE/secret.csv",
    "../outside/secret.csv",
    "link.csv",
    "folder/secret.csv",
    "/etc/passwd",
    "/dev/zero",
    "/proc/self/environ",
    "pipe.csv",
    ".",
    "",
    "a\x00.csv",
    "a" * 5000 + ".csv",
    "http://127.0.0.1:1/a.nc",
    "https://127.0.0.1:1/a.nc#mode=bytes",
    "dap://127.0.0.1/a.nc",
]
INITIAL: list[Any] = [
    *({"kind": "file", "path": path} for path in PATHS),
    {"kind": "values", "probabilities": [1e308, 1e308]},
    {"kind": "values", "probabilities": [1.0, 5e-324], "tokens": ["\x1b[31m", "[red]"]},
    {"kind": "table", "logits": [[0.0]] * 9000},
    {"kind": "words", "languages": ["../../../../etc/passwd"]},
    {"kind": "words", "languages": ["en"], "weights": [1e308]},
    {"kind": "dirichlet", "concentration": 1e-30, "shared": True},
    {"kind": "zipf", "exponent": 1000},
    {"kind": "zipf_mandelbrot", "exponent": 1000, "shift": 1e308},
]
RANGES: list[Any] = [{form: [1, 2, number]} for form in ("linspace", "geomspace") for number in (10**9, 99_999, 2000)]
SIZES = ["vocab_size", "personas", "models", "trace_length", "rank", "hidden_size", "hidden_layers", "window", "steps"]


def hostile_values() -> st.SearchStrategy[Any]:
    """Numbers, texts, tables and lists to put in the place of others."""
    deep: Any = reduce(lambda inner, _: [inner], range(200), 1)
    return st.one_of(
        st.sampled_from(NUMBERS),
        st.sampled_from(TEXTS),
        st.sampled_from(INITIAL),
        st.sampled_from(RANGES),
        st.sampled_from([[], {}, deep, [0.5] * 5000, {"zip": {}}, {"zip": {"temperature": [1.0], "steps": [2**31]}}]),
        st.text(max_size=20),
        st.floats(),
    )


@st.composite
def mutated_bytes(draw: DrawFn) -> Case:
    """A shipped sweep with a few bytes changed, or cut."""
    content = bytearray(draw(st.sampled_from(SHIPPED)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        how = draw(st.sampled_from(["flip", "cut", "drop", "insert", "repeat"]))
        if how == "flip" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del content[place:]
        elif how == "drop":
            del content[place : place + draw(st.integers(1, 40))]
        elif how == "insert":
            content[place:place] = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)))
        else:
            content[place:place] = content[place : place + 20] * draw(st.sampled_from([2, 10, 1000]))
    return sweep_case("sweep file, bytes", bytes(content))


@st.composite
def hostile_sweeps(draw: DrawFn) -> Case:
    """A sweep with values replaced by hostile ones, or hostile keys added."""
    table: Any = {"process": {}, "axes": {}, **draw(sweeps())}
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(table)))
        held = reduce(getitem, place, table)
        value = draw(hostile_values())
        if isinstance(held, dict):
            keys = [*FIELDS, *SIZES, "initial", "title", "seed", "replicates", "generations", "record", "end_token"]
            value = {**held, draw(st.one_of(st.sampled_from(keys), st.sampled_from(TEXTS), st.text(max_size=4))): value}
        if place or isinstance(value, dict):
            table = replaced(table, place, value)
    return sweep_case("sweep file, values", _text(table))


def _text(table: Any) -> bytes:
    if not isinstance(table.get("process"), dict) or not isinstance(table.get("axes"), dict):
        table = {"whole": table}
    return as_toml(table).encode("utf-8", "surrogatepass")


def sweep_case(kind: str, content: bytes) -> Case:
    """A sweep file beside the data of the shipped ones, and what it has no business with."""
    files = {"sweep.toml": content, "plain.csv": b"token,probability\na,1\nb,2\n"}
    needed = {name: data for name, data in DATA.items() if name.encode() in content}
    links = {"link.csv": "OUTSIDE/secret.csv", "folder": "OUTSIDE"}
    return Case(kind, ("plan", "sweep.toml"), {**files, **needed}, links, ("pipe.csv",))


FILE_SWEEP = b'[process]\ninitial = { kind = "file", path = "%s" }\nmodel = "%s"\n'
CSV = [
    b"token,probability\na,1\nb,2\n",
    b"probability\n" + b"1\n" * 1000,
    b"token,probability\n" + b'"' + b"a" * 200_000 + b'",1\n',
    b"token,probability\n" + b"".join(b"%s,1\n" % (b"a" * 900) for _ in range(2000)),
    b",,,\n1,2,3,4\n",
    b"\xff\xfetoken\n",
    b"p\nnan\n",
    b"p\n1e999\n",
    b"p\n__import__('os').system('touch canary')\n",
    b"\x1b[31m,[red]\n1,2\n",
    SECRET.encode()[:0],
]


@st.composite
def input_files(draw: DrawFn) -> Case:
    """Files of initial distributions, with bytes changed."""
    made = [("p0.csv", content) for content in CSV] + [(f"p0{suffix}", content) for suffix, content in ARCHIVES]
    name, start = draw(st.sampled_from(made))
    content = bytearray(start)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        how = draw(st.sampled_from(["flip", "cut", "fill"]))
        if how == "flip" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif how == "fill":
            content[place : place + 8] = draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\x7f" * 4]))
        elif draw(st.booleans()):
            del content[place:]
    text = FILE_SWEEP % (name.encode(), draw(st.sampled_from([b"categorical", b"persona", b"markov", b"ensemble"])))
    return Case("input file", ("plan", "sweep.toml"), {"sweep.toml": text, name: bytes(content)})


def _archives() -> list[tuple[str, bytes]]:
    """npz and netCDF files, honest and hostile ones."""
    import io
    import pickle
    import zipfile

    import numpy as np
    import xarray as xr

    class Attack:
        def __reduce__(self) -> Any:
            return eval, ("__import__('os').system('touch canary')",)

    def npz(**arrays: Any) -> bytes:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    def zipped(name: str, content: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        return buffer.getvalue()

    def header(shape: str) -> bytes:
        told = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }" % shape.encode()
        return b"\x93NUMPY\x01\x00" + len(told).to_bytes(2, "little") + told

    objects = np.empty(1, object)
    objects[0] = Attack()
    netcdf = xr.Dataset({"logits": ("token", np.zeros(5))}, {"token": list("abcde")}).to_netcdf(engine="h5netcdf")
    return [
        (".npz", npz(p=np.ones(4), token=np.array(list("abcd")))),
        (".npz", npz(p=np.ones((3, 3)))),
        (".npz", npz(p=np.ones(4) * 1j)),
        (".npz", npz(p=np.zeros(2**22))),
        (".npz", npz(p=objects)),
        (".npz", zipped("p.npy", pickle.dumps(Attack()))),
        (".npz", zipped("p.npy", header("1000000000000,"))),
        (".npz", zipped("p.npy", header("9" * 3000 + ","))),
        (".npz", zipped("p.txt", b"1 2 3")),
        (".npz", zipped("../../outside/secret.csv", b"1 2 3")),
        (".nc", bytes(netcdf)),
        (".nc", b"CDF\x01" + b"\xff" * 60),
        (".nc", b"CDF\x05" + b"\x00" * 60),
        (".nc", b"\x89HDF\r\n\x1a\n" + b"\x00" * 90),
    ]


ARCHIVES = _archives()
