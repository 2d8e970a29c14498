"""How the site is built: `make site`. Its pages are docs/, the notebooks of analysis/, and what stands in the root."""

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import jaxcollapse

project = "jaxcollapse"
author = "The jaxcollapse authors"
project_copyright = "the jaxcollapse authors, Apache-2.0"
version = release = jaxcollapse.__version__

# The repository is the source, so that its links are those of the site.
root_doc = "docs/index"
include_patterns = ["docs/*.md", "analysis/*.ipynb", "analysis/README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
exclude_patterns = [".*", "results", "site", "jaxcollapse", "tests", "benchmarks", "experiments", "sweeps", "dist"]

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
nitpicky = True
# Types in signatures may be of other packages, or of modules that are not for users.
nitpick_ignore_regex = [("py:class", r"(?!jaxcollapse\.\w+$).*"), ("py:.*", r"(?!jaxcollapse).*")]

myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks are shown as they are shipped

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_attr_annotations = False  # signatures have the types; shapes such as "*context token" are not reST
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "jaxcollapse"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_favicon = "site/logo.svg"
html_extra_path = ["site/start"]
html_copy_source = False
html_domain_indices = False
html_theme_options: dict[str, Any] = {"light_logo": "logo.svg", "dark_logo": "logo.svg"}


def describe_field(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Gives a key of a sweep file the description that it is validated with."""
    owner, _, key = name.rpartition(".")
    module, _, kind = owner.rpartition(".")
    fields = getattr(getattr(sys.modules.get(module), kind, None), "model_fields", {})
    if key in fields:
        lines[:] = [f"{fields[key].description}"]


def leave_out_folders(app: Sphinx, tree: nodes.document) -> None:
    """Links to folders of the repository lead nowhere in a site: their words are kept."""
    source = Path(str(app.env.doc2path(app.env.docname))).parent
    for link in list(tree.findall(addnodes.pending_xref)):
        if link["reftype"] == "myst" and (source / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    """Connects what is above."""
    app.connect("autodoc-process-docstring", describe_field)
    app.connect("doctree-read", leave_out_folders)
