"""Initial distributions: what p0 is. Each kind is a small class with its keys and a method that gives the logits."""

from jaxcollapse.distributions.dirichlet import Dirichlet
from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.file import File
from jaxcollapse.distributions.parametric import Rows, Uniform, Values, Zipf, ZipfMandelbrot
from jaxcollapse.distributions.text import Text
from jaxcollapse.distributions.words import Words
from jaxcollapse.parts.code_table import OwnCode

KINDS: OwnCode[type[InitialKind]] = OwnCode(
    {
        kind.model_fields["kind"].default: kind
        for kind in (Uniform, Zipf, ZipfMandelbrot, Dirichlet, Values, Rows, File, Text, Words)
    }
).close()

__all__ = ["KINDS", "Distribution", "InitialKind"]
