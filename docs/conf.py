"""How the site is built: `make site`. Its pages are docs/, the notebooks of analysis/, and what stands in the root."""

from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import jaxcollapse

project = "jaxcollapse"
author = "The jaxcollapse authors"
project_copyright = "the jaxcollapse authors, Apache-2.0"
version = release = jaxcollapse.__version__

# The repository is the source, so that its links are those of the site.
root_doc = "docs/index"
include_patterns = ["docs/*.md", "analysis/*.ipynb", "analysis/README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
exclude_patterns = [".*", "results", "site", "jaxcollapse", "tests", "benchmarks", "experiments", "sweeps", "dist"]

extensions = [
    *("sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"),
    *("myst_nb", "sphinx_copybutton", "docs.reference"),
]
nitpicky = True
# Types in signatures may be of other packages, or of modules that are not for users.
nitpick_ignore_regex = [("py:class", r"(?!jaxcollapse\.\w+$).*"), ("py:.*", r"(?!jaxcollapse).*")]

myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_execution_mode = "off"  # notebooks are shown as they are shipped
nb_render_markdown_format = "myst"  # outputs have tables and formulas, as texts do
html_math_renderer = "mathml"  # browsers set formulas themselves, without a script from elsewhere

default_role = "code"
smartquotes_action = "De"  # values in quotation marks can be copied
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autosummary_generate = False
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
# What readers look for with other words, by the page that has the answer.
SYNONYMS = {
    "docs/plugins": "custom, extend, extension, plugin, hook",
    "docs/p0": "huggingface, transformers, pytorch",
    "docs/faq": "huggingface, transformers, rl, rlhf, ppo, dpo, lhs, quasi-random",
}
html_theme_options: dict[str, Any] = {"light_logo": "logo.svg", "dark_logo": "logo.svg"}


def leave_out_folders(app: Sphinx, tree: nodes.document) -> None:
    """Links to folders of the repository lead nowhere in a site: their words are kept."""
    source = Path(str(app.env.doc2path(app.env.docname))).parent
    for link in list(tree.findall(addnodes.pending_xref)):
        if link["reftype"] == "myst" and (source / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def add_synonyms(app: Sphinx, tree: nodes.document) -> None:
    """Adds words to a page that only the search sees."""
    if words := SYNONYMS.get(app.env.docname):
        tree.append(nodes.meta("", name="keywords", content=words))


def write_formula(writer: HTML5Translator, formula: nodes.math | nodes.math_block) -> None:
    """Writes a formula in TeX as MathML."""
    writer.body.append(tex2mathml(formula.astext(), as_block=isinstance(formula, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Connects what is above."""
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    app.connect("doctree-read", add_synonyms)
    app.connect("doctree-read", leave_out_folders)
