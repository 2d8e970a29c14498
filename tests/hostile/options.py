"""Options and names of folders that nobody would give, and sweep files that keep a parser busy."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.hostile.shards import study_case
from tests.hostile.sweeps import sweep_case
from tests.hostile.trial import Case

PATHS = [".", "..", "", "/", "/dev/null", "/dev/full", "/dev/stdout", "pipe", "study", "study/sweep.toml", "x" * 300]
PATHS += ["a\nb", "\x1b[31m", "nowhere/x", "study/x.html", "~", "https://127.0.0.1:1/x", "\udcff"]
NO_NUMBERS = ["0", "-1", "1e9", "9" * 5000, "nan", "", "x", "\x1b[31m", "²", "0x10"]
NUMBERS = [*NO_NUMBERS, "1", "4096", "999999999"]
SHARES = [
    "0/1",
    "0/999999999",
    "1/0",
    "-1/2",
    "2/1",
    "1/2/3",
    "/",
    "",
    "9" * 5000 + "/2",
    "0/" + "9" * 5000,
    "a/b",
    "slurm",
]
TEXTS = ["", "x", "\x1b[2J", "a\nb", "x" * 5000, "$(touch canary)", "; touch canary", "cpu", "gpu", "tpu", "%s"]
OPTIONS: list[tuple[str, str, list[str]]] = [
    ("report", "--out", PATHS),
    ("run", "--out", PATHS),
    ("run", "--inputs", PATHS),
    ("run", "--shard", SHARES),
    ("run", "--chunk-size", NUMBERS),
    ("run", "--platform", TEXTS),
    ("plan", "--devices", NO_NUMBERS),  # others need a process in which JAX has not begun
    ("plan", "--inputs", PATHS),
    ("plan", "--platform", TEXTS),
    ("submit", "--tasks", NUMBERS),
    ("submit", "--time", TEXTS),
    ("submit", "--partition", TEXTS),
    ("submit", "--slurm", TEXTS),
    ("submit", "--gpus-per-node", TEXTS),
    ("explore", "--port", ["-1", "65536", "1e9", "x", ""]),
    ("status", "--nothing", TEXTS),
]


@st.composite
def hostile_options(draw: DrawFn) -> Case:
    """A command on the honest study with an option of no use."""
    command, option, values = draw(st.sampled_from(OPTIONS))
    more = ("--dry-run",) if command == "submit" else ()
    case = study_case("options", command, {})
    arguments = (command, "study", option, draw(st.sampled_from(values)), *more)
    return Case("options", arguments, case.files, pipes=("pipe",))


FOLDERS = [
    "[a]",
    "*",
    " study",
    "study ",
    "a\\b",
    "\\",
    "C:",
    "c:\\x",
    "~",
    "~root",
    "$HOME",
    "a\nb",
    "\x1b[31m",
    "-rf",
]
FOLDERS += ["file:x", "http:", "é", "\u202e", "%s", "x" * 200, "a" * 255, "a" * 256, "\udcff", "#mode=bytes", "a;b"]


@st.composite
def strange_folders(draw: DrawFn) -> Case:
    """The honest study under another name."""
    name, command = draw(st.sampled_from(FOLDERS)), draw(st.sampled_from(["status", "finalize", "run", "report"]))
    case = study_case("folder names", command, {})
    try:
        encoded = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        encoded = b""
    files = case.files if len(encoded) > 255 else {f"{name}{path[5:]}": each for path, each in case.files.items()}
    return Case("folder names", (command, "--", name), files)


def _tables(number: int) -> list[str]:
    """Texts of many tables, axes, keys, values or lines."""
    several = range(number)
    return [
        "".join(f"[t{place}]\n" for place in several),
        "".join("[[t]]\n" for _ in several),
        "".join(f"[a.b.c{place}]\n" for place in several),
        "".join("[[a]]\n[a.b]\n" for _ in several),
        "[axes]\n" + "".join(f"t{place} = [1]\n" for place in several),
        "[axes]\n" + "".join(f'"initial.x{place}" = [1]\n' for place in several),
        "[axes]\n" + "".join(f"z{place} = {{ zip = {{ temperature = [1.0] }} }}\n" for place in several),
        "[process]\n" + "".join(f"x{place} = 1\n" for place in several),
        "title = [" + "{}," * number + "]\n",
        "title = [" + "[]," * number + "]\n",
        "title = " + "[" * number + "]" * number + "\n",
        "observables = [" + '"entropy",' * number + "]\n",
        "common_random_numbers = [" + '"temperature",' * number + "]\n",
        "#\n" * number,
        "\n" * number + "x",
        "title = '''" + "\n" * number + "'''\n",
        "title = '" + "x" * number,
        "a." * min(number, 31) + "b = 1\n" + "x = 1\n" * 2,
    ]


@st.composite
def many_tables(draw: DrawFn) -> Case:
    """Sweep files of up to millions of tables, keys or values."""
    number = draw(st.sampled_from([1000, 30_000, 100_000, 1_000_000]))
    place = draw(st.integers(0, len(_tables(1)) - 1))
    return sweep_case("sweep file, tables", _tables(number)[place].encode())
