"""Initial distributions given by a formula or by their values."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from jaxcollapse.initial.distribution import Distribution, InitialKind

Exponent = Annotated[float, Field(ge=-1000, le=1000)]


class Uniform(InitialKind):
    """All tokens equally likely."""

    kind: Literal["uniform"] = "uniform"

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """ln p = 0."""
        return Distribution(np.zeros(vocab_size))


class Zipf(InitialKind):
    """Zipf's law, p ∝ 1 / rank^exponent."""

    kind: Literal["zipf"] = "zipf"
    exponent: Exponent = Field(1.0, description="Exponent of the power law; 0 is uniform.")

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """ln p = −exponent · ln rank."""
        return Distribution(-self.exponent * np.log(np.arange(1.0, vocab_size + 1)))


class ZipfMandelbrot(InitialKind):
    """The Zipf–Mandelbrot law, p ∝ 1 / (rank + shift)^exponent (Mandelbrot 1953)."""

    kind: Literal["zipf_mandelbrot"] = "zipf_mandelbrot"
    exponent: Exponent = Field(1.0, description="Exponent of the power law; 0 is uniform.")
    shift: float = Field(2.7, gt=-1, allow_inf_nan=False, description="Added to the rank, which starts at 1.")

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """ln p = −exponent · ln(rank + shift)."""
        return Distribution(-self.exponent * np.log(np.arange(1.0, vocab_size + 1) + self.shift))


class Values(InitialKind):
    """Probabilities or logits, written out."""

    kind: Literal["values"] = "values"
    probabilities: list[Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        None, min_length=1, description="Weights ≥ 0 of the tokens; normalised."
    )
    logits: list[Annotated[float, Field(le=1e30)]] | None = Field(
        None, min_length=1, description="Unnormalised log-probabilities; -inf for an impossible token."
    )
    tokens: list[str] | None = Field(None, description="Names of the tokens.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Values":
        if (self.probabilities is None) == (self.logits is None):
            raise ValueError("give either probabilities or logits")
        if not np.isfinite(self._logits().max()):
            raise ValueError("at least one token must be possible")
        if self.tokens is not None and len(self.tokens) != len(self._logits()):
            raise ValueError(f"tokens has {len(self.tokens)} names for {len(self._logits())} tokens")
        return self

    def _logits(self) -> np.ndarray:
        if self.logits is not None:
            return np.asarray(self.logits, float)
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(self.probabilities, float))

    @property
    def takes_vocab_size(self) -> bool:
        """No: as many tokens as values."""
        return False

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """The values."""
        return Distribution(self._logits(), None if self.tokens is None else np.array(self.tokens))
