"""Nothing in the package can make code of what it reads. What could is listed here, with why it may."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jaxcollapse

PACKAGE = Path(jaxcollapse.__file__).parent
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "code", "codeop", "runpy"}
CALLS = {"eval", "exec", "compile", "__import__", "input"}
METHODS = {
    "exec_module",
    "format",
    "format_map",
    "system",
    "popen",
    "Template",
    "read_pickle",
    "to_pickle",
    "literal_eval",
}
ALLOWED = {
    # Programs that this user's own runs compiled, in a folder that only the user can write to. JAX unpickles them.
    ("system/on_disk.py", "jax.experimental.serialize_executable"),
    # Names of the package's own.
    ("__init__.py", "import_module"),
    ("parts/slot.py", "import_module"),
    # A plug-in that the user gives with --plugin, or loads in Python; what a sweep file names is not loaded.
    ("parts/plugin.py", "import_module"),
    ("parts/plugin.py", "exec_module"),
}


def dangers(source: str) -> Iterator[str]:
    """What of a module could run code that it was given as data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module.split(".")[0] in MODULES or node.module.endswith("serialize_executable"):
                yield node.module
            yield from (name.name for name in node.names if name.name in {"import_module", "serialize_executable"})
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    told = {keyword.arg: keyword.value for keyword in node.keywords}
    for name in ("shell", "allow_pickle"):
        if name in told and not (isinstance(told[name], ast.Constant) and told[name].value is False):
            yield name
    if isinstance(node.func, ast.Name) and node.func.id in CALLS:
        yield node.func.id
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        if node.func.attr in METHODS or (owner, node.func.attr) in {("np", "fromfile"), ("np", "memmap")}:
            yield node.func.attr
        if (owner, node.func.attr) == ("np", "load") and "allow_pickle" not in told:
            yield "np.load"


def test_no_module_makes_code_of_data() -> None:
    found = {
        (str(path.relative_to(PACKAGE)), danger)
        for path in sorted(PACKAGE.rglob("*.py"))
        for danger in dangers(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from dill import loads",
        "import yaml\nyaml.safe_load('')",
        "eval(text)",
        "exec(text)",
        "compile(text, 'a', 'exec')",
        "text.format(value)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
        "__import__(name)",
    ],
)
def test_the_guard_sees(source: str) -> None:
    assert list(dangers(source))


@pytest.mark.parametrize(
    "source", ["np.load(path, allow_pickle=False)", "re.compile('a')", "f'{value}'", "subprocess.run(['git'])"]
)
def test_the_guard_lets_pass(source: str) -> None:
    assert not list(dangers(source))
