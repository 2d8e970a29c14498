"""Reading a dataset: what the accessor `ds.collapse` does, which `import jaxcollapse` gives to every dataset.

It uses the dataset's own variables and attributes only, so that a result opens with plain `xarray.open_dataset`.
"""

from jaxcollapse.analysis.accessor import Collapse, Plots
from jaxcollapse.analysis.answers import ANSWERS, RightAnswers, answers
from jaxcollapse.analysis.boundary import boundary
from jaxcollapse.analysis.classification import Classification, classify
from jaxcollapse.analysis.importance import importance
from jaxcollapse.analysis.missing import missing
from jaxcollapse.analysis.scaling import scaling
from jaxcollapse.analysis.summary import summarise
from jaxcollapse.analysis.survival import survival
from jaxcollapse.analysis.table import summary_table
from jaxcollapse.analysis.texts import texts
from jaxcollapse.analysis.verdict import VERDICTS, Thresholds, verdicts

__all__ = [
    "ANSWERS",
    "VERDICTS",
    "Classification",
    "Collapse",
    "Plots",
    "RightAnswers",
    "Thresholds",
    "answers",
    "boundary",
    "classify",
    "importance",
    "missing",
    "scaling",
    "summarise",
    "summary_table",
    "survival",
    "texts",
    "verdicts",
]
