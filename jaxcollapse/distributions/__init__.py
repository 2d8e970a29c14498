"""Initial distributions: what p0 is. Each kind is a small class with its keys and a method that gives the logits."""

from typing import Annotated

from pydantic import Field

from jaxcollapse.distributions.dirichlet import Dirichlet
from jaxcollapse.distributions.distribution import Distribution
from jaxcollapse.distributions.file import File
from jaxcollapse.distributions.parametric import Rows, Uniform, Values, Zipf, ZipfMandelbrot
from jaxcollapse.distributions.words import Words

Initial = Annotated[
    Uniform | Zipf | ZipfMandelbrot | Dirichlet | Values | Rows | File | Words, Field(discriminator="kind")
]
KINDS = {
    kind.model_fields["kind"].default: kind
    for kind in (Uniform, Zipf, ZipfMandelbrot, Dirichlet, Values, Rows, File, Words)
}

__all__ = ["KINDS", "Distribution", "Initial"]
