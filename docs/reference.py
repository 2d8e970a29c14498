"""How the pages of Python show what users call: names as they are typed, and docstrings in full."""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

# What users type before a name, by the module that has it, or by the class.
_BEFORE = {
    "jaxcollapse": "jc.",
    "jaxcollapse.theory": "theory.",
    "jaxcollapse.analysis.Collapse": "ds.collapse.",
    "jaxcollapse.analysis.Plots": "ds.collapse.plot.",
}


def describe_field(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Gives a key of a sweep file the description that it is validated with."""
    owner, _, key = name.rpartition(".")
    module, _, kind = owner.rpartition(".")
    fields = getattr(getattr(sys.modules.get(module), kind, None), "model_fields", {})
    if key in fields:
        lines[:] = [f"{fields[key].description}"]


def describe_in_full(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Gives a method of the accessor what its function says of arguments, results and errors."""
    reference = re.search(r"; see `([\w.]+)\.(\w+)`\.$", lines[0] if lines else "")
    if reference and name.startswith("jaxcollapse.analysis."):
        function = getattr(import_module(f"jaxcollapse.analysis.{reference[1]}"), reference[2])
        lines[:] = [f"{lines[0][: reference.start()]}.", *_of_method(function, inspect.signature(thing).parameters)]


def _of_method(function: Any, parameters: Any) -> Iterator[str]:
    """The docstring of a function without its first line and without the arguments that a method lacks."""
    section, has = "", True
    for line in (inspect.getdoc(function) or "").splitlines()[1:]:
        section = line if line and not line.startswith(" ") else section
        if section == "Args:" and (argument := re.match(r"    (\w+)(, \w+)*: ", line)):
            if argument[1] == "name" and "name" not in parameters:
                line = line.replace("name:", "variable:", 1)
            has = re.split("[,:]", line.strip())[0] in parameters
        if has or section != "Args:":
            yield line


_KEPT: dict[str, list[str]] = {}


def keep_colons(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keeps the docstring of a property: what is before a colon would be taken for a type."""
    if what == "property":
        _KEPT[name] = list(lines)


def restore_colons(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Restores the docstring of a property."""
    lines[:] = _KEPT.pop(name, lines)


def name_as_called(app: Sphinx, tree: nodes.document) -> None:
    """Shows names as users type them: `jc.run`, `ds.collapse.summary`."""
    for signature in tree.findall(addnodes.desc_signature):
        owner = ".".join(filter(None, (signature.get("module"), signature.get("class"))))
        before = list(signature.findall(addnodes.desc_addname))
        if owner in _BEFORE and not any(signature.findall(addnodes.desc_annotation)):
            for each in before:
                each.parent.remove(each)
            name = next(iter(signature.findall(addnodes.desc_name)))
            name.parent.insert(name.parent.index(name), addnodes.desc_addname("", _BEFORE[owner]))


def setup(app: Sphinx) -> None:
    """Connects what is above; docstrings are completed before their sections are read."""
    app.connect("autodoc-process-docstring", describe_field)
    app.connect("autodoc-process-docstring", describe_in_full, priority=100)
    app.connect("autodoc-process-docstring", keep_colons, priority=100)
    app.connect("autodoc-process-docstring", restore_colons, priority=900)
    app.connect("doctree-read", name_as_called)
