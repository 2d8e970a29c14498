"""Initial distributions given by a formula or by their values."""

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_LOGIT


def _possible(value: float) -> float:
    if -np.inf < value < -MOST_LOGIT:
        raise ValueError(f"must be >= {-MOST_LOGIT:g}, or -inf for an impossible token")
    return value


Logit = Annotated[float, Field(le=MOST_LOGIT), AfterValidator(_possible)]
Exponent = Annotated[float, Field(ge=-1000, le=1000)]


class Uniform(InitialKind):
    """All tokens equally likely."""

    kind: Literal["uniform"] = "uniform"

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """p0 with the same logit, 0, for every token."""
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


def _as_logits(logits: list | None, probabilities: list | None) -> np.ndarray:
    """The logits, or the logarithms of what is given instead."""
    with np.errstate(divide="ignore"):
        return np.asarray(logits, float) if logits is not None else np.log(np.asarray(probabilities, float))


class Values(InitialKind):
    """Probabilities or logits, written out."""

    kind: Literal["values"] = "values"
    probabilities: list[Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        None, min_length=1, description="Weights ≥ 0 of the tokens; normalised."
    )
    logits: list[Logit] | None = Field(
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
        return _as_logits(self.logits, self.probabilities)

    @property
    def takes_vocab_size(self) -> bool:
        """False: there are as many tokens as values."""
        return False

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """p0 from the probabilities or logits of the sweep file, with the tokens' names if it gives any."""
        return Distribution(self._logits(), None if self.tokens is None else as_names(self.tokens))


class Rows(InitialKind):
    """Rows of probabilities or logits, written out: one for each persona, or for each token."""

    kind: Literal["table"] = "table"
    probabilities: list[list[Annotated[float, Field(ge=0, allow_inf_nan=False)]]] | None = Field(
        None, min_length=1, description="Weights ≥ 0 of the tokens in each row; normalised."
    )
    logits: list[list[Logit]] | None = Field(
        None, min_length=1, description="Unnormalised log-probabilities in each row; -inf for an impossible token."
    )
    tokens: list[str] | None = Field(None, description="Names of the tokens.")
    personas: list[str] | None = Field(None, description="Names of the rows, where they are personas.")
    weights: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = Field(
        None, description="Weights of the personas; by default equal ones."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Rows":
        if (self.probabilities is None) == (self.logits is None):
            raise ValueError("give either probabilities or logits")
        rows = self.probabilities if self.logits is None else self.logits
        assert rows is not None
        if len({len(row) for row in rows}) > 1 or not rows[0]:
            raise ValueError("its rows are empty or differ in length")
        if (wrong := ~np.isfinite(self._logits().max(axis=1))).any():
            raise ValueError(
                f"in each row at least one token must be possible; row {np.argmax(wrong)} (counted from 0) has none"
            )
        for name, names, number in (
            ("tokens", self.tokens, len(rows[0])),
            ("personas", self.personas, len(rows)),
            ("weights", self.weights, len(rows)),
        ):
            if names is not None and len(names) != number:
                raise ValueError(f"{name} has {len(names)} values for {number}")
        return self

    def _logits(self) -> np.ndarray:
        return _as_logits(self.logits, self.probabilities)

    @property
    def takes_vocab_size(self) -> bool:
        """False: there are as many tokens as values in a row."""
        return False

    @property
    def brings_rows(self) -> bool:
        """True: the sweep file writes out every row."""
        return True

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """The rows, which a model of one row has no use for."""
        raise InputError("process.initial.kind", "a table has several rows; it needs model = 'persona' or 'markov'")

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """The rows of the sweep file, with their names and weights if it gives any."""
        labels = None if self.tokens is None else as_names(self.tokens)
        names = None if self.personas is None else as_names(self.personas)
        weights = None if self.weights is None else np.array(self.weights) / sum(self.weights)
        return Distribution(self._logits(), labels, {}, names, weights)

    def windows(self, vocab_size: int, key: np.ndarray, order: int) -> Distribution:
        """The rows of the sweep file, whose number the model checks."""
        return self.rows(vocab_size, key, None)
