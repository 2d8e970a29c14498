"""The rooms of the package lie on floors: a file imports from its own room and from lower floors only."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import jaxcollapse
from jaxcollapse.system.on_disk import ENGINE

PACKAGE = Path(jaxcollapse.__file__).parent
# From the roof down. Rooms on one floor do not import each other.
FLOORS: tuple[set[str], ...] = (
    {"__main__"},
    {"cli"},
    {"explore", "cluster", "__init__"},
    {"refining"},
    {"report", "running"},
    {"analysis", "store"},
    {"theory", "execute"},
    {"planning"},
    {"sweep", "program"},
    {"process", "observables"},
    {"training"},
    {"parameterisations", "walks"},
    {"distributions"},
    {"parts"},
    {"sampling", "limits"},
    {"native"},
    {"system"},
    {"errors", "_version"},
)
FILES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What a module imports when it runs, wherever in it: modules, and names of them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom):
            yield from ((str(node.module), name.name) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names)
        else:
            yield from _imported(node)


def _own(file: str) -> set[str]:
    """The files of the package that one of them imports."""
    found = set()
    for module, name in _imported(ast.parse(FILES[file].read_text(encoding="utf-8"))):
        package, _, inside = module.partition(".")
        if package == "jaxcollapse":
            candidates = [f"{inside}.{name}", f"{inside}.{name}.__init__", inside, f"{inside}.__init__"]
            found.add(next(each.strip(".") for each in candidates if each.strip(".") in FILES))
    return found - {file}


IMPORTS = {file: _own(file) for file in FILES}


def room(file: str) -> str:
    return file.split(".")[0]


def test_each_room_has_its_floor() -> None:
    assert sorted(set.union(*FLOORS)) == sorted({room(file) for file in FILES})
    assert sum(map(len, FLOORS)) == len(set.union(*FLOORS))


@pytest.mark.parametrize("name", sorted(set.union(*FLOORS)))
def test_a_room_imports_from_lower_floors_only(name: str) -> None:
    floor = {each: number for number, floor in enumerate(FLOORS) for each in floor}
    against = {
        f"{file} imports {other}"
        for file in FILES
        if room(file) == name
        for other in IMPORTS[file]
        if room(other) != name and floor[room(other)] <= floor[name]
    }
    assert not against


def test_no_files_import_each_other_in_a_circle() -> None:
    """A package's `__init__` apart, which gathers names of its files."""
    graph = {
        file: {other for other in others if not other.endswith("__init__")}
        for file, others in IMPORTS.items()
        if not file.endswith("__init__")
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_the_command_line_alone_knows_typer() -> None:
    knowing = {
        file
        for file, path in FILES.items()
        for module, _ in _imported(ast.parse(path.read_text(encoding="utf-8")))
        if module.split(".")[0] in ("typer", "click")
    }
    assert {room(file) for file in knowing} == {"cli"}


def test_compiled_programs_are_named_by_all_code_that_they_are_made_of() -> None:
    """What the kernel imports, directly or not, is in the rooms whose sources name a program; the rest is not."""
    reached, left = set(), ["program.compiling"]
    while left:
        file = left.pop()
        if file not in reached:
            reached.add(file)
            left += IMPORTS[file]
    assert {room(file) for file in reached} - {"errors", "limits", "_version"} == set(ENGINE)


def test_no_two_classes_have_one_name() -> None:
    homes: dict[str, list[str]] = {}
    for file, path in FILES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(file)
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
