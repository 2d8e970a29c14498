"""Initial distributions: what p0 is. Each kind is a small class with its keys and a method that gives the logits."""

from typing import Annotated

from pydantic import Field

from jaxcollapse.initial.dirichlet import Dirichlet
from jaxcollapse.initial.distribution import Distribution
from jaxcollapse.initial.file import File
from jaxcollapse.initial.parametric import Rows, Uniform, Values, Zipf, ZipfMandelbrot
from jaxcollapse.initial.words import Words

Initial = Annotated[
    Uniform | Zipf | ZipfMandelbrot | Dirichlet | Values | Rows | File | Words, Field(discriminator="kind")
]
KINDS = {
    kind.model_fields["kind"].default: kind
    for kind in (Uniform, Zipf, ZipfMandelbrot, Dirichlet, Values, Rows, File, Words)
}

__all__ = ["KINDS", "Distribution", "Initial"]
