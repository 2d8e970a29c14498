"""The fields of `[process]`: what one cell of the grid is. Each has a type, a range, a default and a description."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from jaxcollapse.distributions import KINDS, Initial
from jaxcollapse.distributions.parametric import Zipf
from jaxcollapse.limits import MOST_COUNT, MOST_LAYERS, MOST_TOKENS, MOST_WIDTH


def _count(value: Any) -> int | float:
    """A whole number ≥ 1, or infinity."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and value == math.inf:
        return math.inf
    if not is_number or not 1 <= value <= MOST_COUNT or value != int(value):
        raise ValueError(f"must be a whole number from 1 to {MOST_COUNT}, or inf")
    return int(value)


def _whole(most: int) -> Callable[[Any], int]:
    """A whole number from 1 to this one."""

    def checked(value: Any) -> int:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 1 <= value <= most or value != int(value):
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(value)

    return checked


def _token(value: Any) -> int | str:
    """A label, or a number from 0."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS):
        return value
    raise ValueError("must be the label of a token, or its number from 0")


# JSON Schema has no word for "whole or inf": any number from 1 on.
Count = Annotated[int | float, PlainValidator(_count), WithJsonSchema({"type": "number", "minimum": 1})]
Whole = Annotated[
    int, PlainValidator(_whole(MOST_TOKENS)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_TOKENS})
]
Width = Annotated[
    int, PlainValidator(_whole(MOST_WIDTH)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_WIDTH})
]
Layers = Annotated[
    int, PlainValidator(_whole(MOST_LAYERS)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_LAYERS})
]
Share = Annotated[float, Field(ge=0, le=1)]
Token = Annotated[int | str, PlainValidator(_token), WithJsonSchema({"type": ["integer", "string"], "minimum": 0})]


def is_flag(field: str) -> bool:
    """Whether a field, or a nested key of `initial`, is true or false."""
    first, _, key = field.partition(".")
    models = KINDS.values() if key else [Process]
    return any(
        model.model_fields[name].annotation is bool for model in models if (name := key or first) in model.model_fields
    )


def _setting(default: Any, description: str, long_name: str, units: str = "1", **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"long_name": long_name, "units": units}, **limits)


class Process(BaseModel):
    """One cell: how a model is trained on its own samples. Any field, also a nested one, can be an axis."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    model: Literal["categorical", "persona", "markov", "ensemble"] = _setting(
        "categorical",
        "What a trace is: one token; tokens of one persona, chosen once; a chain, each token given the one before. "
        "Or several models of one row that exchange samples of one token.",
        "model",
    )
    parameters: Literal["table", "lowrank", "mlp"] = _setting(
        "table", "What the table of logits is made from: itself, low-rank factors, or a small network.", "parameters"
    )
    initial: Initial = _setting(Zipf(), "The initial distribution p0: a table with `kind` and its keys.", "p0")
    vocab_size: Whole = _setting(256, "Number of tokens V.", "vocabulary size")
    trace_length: Whole = _setting(16, "Persona, Markov: tokens L of a trace.", "trace length")
    personas: Whole = _setting(
        4, "Persona: number of personas, unless the initial distribution brings its own.", "number of personas"
    )
    persona_exponent: float = _setting(
        0.0,
        "Persona: masses of the personas are ∝ 1 / rank^exponent at the start, unless p0 brings its own.",
        "exponent of the masses of personas",
        ge=-100,
        le=100,
    )
    temperature_on: Literal["both", "chooser", "tokens"] = _setting(
        "both", "Persona: what the sampling temperature applies to.", "what the temperature applies to"
    )
    first_token: Literal["learned", "fixed"] = _setting(
        "learned",
        "Markov: whether the first token's row is tempered and trained, or stays as it is and out of the loss.",
        "first token",
    )
    end_token: Token | None = _setting(
        None, "Markov: a trace ends with this token, a label or a number from 0; by default with none.", "end token"
    )
    models: Whole = _setting(2, "Ensemble: number of models, all of which start from p0.", "number of models")
    exchange: Share = _setting(
        0.5,
        "Ensemble: share of each model's samples that come from the others, each alike.",
        "share of exchanged samples",
    )
    rank: Width = _setting(8, "Lowrank: dimension of the vectors of contexts and tokens.", "rank")
    bias: bool = _setting(False, "Lowrank: whether each token has a bias, too.", "bias")
    embedding_size: Width = _setting(16, "Mlp: dimension of a context's vector.", "embedding size")
    hidden_size: Width = _setting(64, "Mlp: units of a hidden layer.", "hidden size")
    hidden_layers: Layers = _setting(1, "Mlp: number of hidden layers.", "hidden layers")
    temperature: float = _setting(
        1.0, "Sampling temperature T ≥ 0: 0 is the argmax, inf is uniform.", "sampling temperature", ge=0
    )
    top_k: Count = _setting(math.inf, "Sample from the k most likely tokens only; inf: from all.", "top-k")
    top_p: float = _setting(
        1.0, "Sample from the fewest most likely tokens that hold this probability together.", "top-p", gt=0, le=1
    )
    min_p: Share = _setting(
        0.0, "Sample from the tokens at least this many times as likely as the most likely one.", "min-p"
    )
    samples: Count | None = _setting(
        None, "Traces N drawn in each generation; by default batch_size × steps. inf: exact expectations.", "samples"
    )
    corpus: Literal["replace", "accumulate", "window"] = _setting(
        "replace",
        "Training data: the last generation's samples, those of all so far, or of the last `window`.",
        "corpus",
    )
    window: Whole = _setting(4, "Number of generations kept by corpus = 'window'.", "corpus window", "generation")
    fresh_fraction: Share = _setting(
        0.0, "Fraction m of the samples that are real data, drawn from p0 at temperature 1.", "fraction of real data"
    )
    fresh_every: Whole = _setting(
        1, "Real data come in every so many generations only: bursts.", "period of real data", "generation"
    )
    fresh_sampling: Literal["iid", "stratified"] = _setting(
        "iid",
        "Whether each trace is real data with probability `fresh_fraction`, or exactly that share of each draw is; "
        "what is left of a whole trace is carried over to the next draw.",
        "sampling of real data",
    )
    real_samples: Count = _setting(
        math.inf,
        "Real data are drawn from so many draws from p0 that are recorded at the start (replay); inf: from p0 itself.",
        "recorded real data",
    )
    generator: Literal["current", "initial"] = _setting(
        "current", "Who emits the samples: the model as it stands, or p0 for ever (a control).", "generator"
    )
    collapsed_start: float = _setting(
        0.0,
        "The model starts from p0 mixed with this share of each row's most likely token, the first one if several tie; "
        "real data stay p0.",
        "share of the mode at the start",
        ge=0,
        lt=1,
    )
    sample_growth: float = _setting(
        0.0,
        "Samples grow with generations: N (g + 1)^γ in the one after generation g, rounded.",
        "exponent of the growth of samples",
        ge=0,
        le=10,
    )
    curation: Literal["none", "bradley_terry", "argmax"] = _setting(
        "none",
        "Of so many `candidates` one trace is kept, with probability ∝ e^reward, or the one of greatest reward.",
        "curation",
    )
    candidates: Count = _setting(2, "Curation: samples K of which one is kept; inf: the limit of many.", "candidates")
    reward: Literal["likelihood", "original_likelihood", "score"] = _setting(
        "likelihood",
        "Curation: ln p of the model as it stands, ln p0, or the score; of a longer trace, the mean over its tokens.",
        "reward",
    )
    reward_scale: float = _setting(
        1.0, "Curation: what the reward is multiplied by.", "scale of the reward", ge=-100, le=100
    )
    scores: list[Annotated[float, Field(ge=-1e30, le=1e30)]] | None = _setting(
        None, "Curation: a score for each token, for reward = 'score'.", "scores", min_length=1
    )
    true_positive_rate: Share = _setting(
        1.0, "Share of correct samples that a verifier accepts.", "true positive rate of the verifier"
    )
    false_positive_rate: Share = _setting(
        1.0, "Share of other samples that a verifier accepts.", "false positive rate of the verifier"
    )
    correct_share: float = _setting(
        0.9,
        "Verifier: correct are the most likely tokens of p0, of each row, that hold this probability together; "
        "and traces of nothing else.",
        "share of p0 that is correct",
        gt=0,
        le=1,
    )
    evaluation_temperature: float = _setting(
        1.0, "Temperature at which the model is looked at by observables.", "evaluation temperature", ge=0
    )
    update: Literal["gradient", "refit"] = _setting(
        "gradient", "How the model is trained: optimiser steps, or the maximum-likelihood fit.", "update"
    )
    mixing: float = _setting(1.0, "Refit: p ← (1 − a) p + a p̂ with this a.", "mixing of the refit", gt=0, le=1)
    smoothing: float = _setting(
        0.0,
        "Refit: added to the count of every token that p0 has (pseudo-counts).",
        "additive smoothing",
        ge=0,
        allow_inf_nan=False,
    )
    reset_every: Count = _setting(
        math.inf,
        "In every so many generations training starts from p0 again, on the samples of the model; inf: never.",
        "period of resets",
        "generation",
    )
    optimizer: Literal["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "sign_sgd"] = _setting(
        "sgd", "Gradient: the optax optimiser.", "optimiser"
    )
    learning_rate: float = _setting(
        0.5, "Gradient: step size η of the optimiser.", "learning rate", ge=0, allow_inf_nan=False
    )
    schedule: Literal["constant", "linear", "cosine", "exponential", "inverse"] = _setting(
        "constant", "Gradient: how the learning rate falls with generations.", "learning-rate schedule"
    )
    schedule_time: float = _setting(
        100.0,
        "Time τ of the schedule: where linear and cosine reach 0, exponential 1/e and inverse 1/2.",
        "time of the learning-rate schedule",
        "generation",
        gt=0,
        allow_inf_nan=False,
    )
    batch_size: Count = _setting(
        16, "Gradient: traces B in a minibatch; inf: the whole corpus at every step.", "batch size"
    )
    steps: Count = _setting(
        1, "Gradient: optimiser steps K per generation; inf: until convergence (whole corpus only).", "optimiser steps"
    )
    replacement: bool = _setting(
        False, "Gradient: draw minibatches with replacement; by default each epoch is a fresh shuffle.", "replacement"
    )
    optimizer_state: Literal["carried", "fresh"] = _setting(
        "carried", "Gradient: whether moments are carried from one generation to the next.", "optimiser state"
    )
    momentum: float = _setting(0.9, "Decay of the momentum (momentum, nesterov).", "momentum", ge=0, lt=1)
    b1: float = _setting(0.9, "Decay of the first moment (adam, adamw).", "b1", ge=0, lt=1)
    b2: float = _setting(0.999, "Decay of the second moment (adam, adamw).", "b2", ge=0, lt=1)
    eps: float = _setting(1e-8, "Added to the denominator (adam, adamw, rmsprop).", "eps", gt=0, allow_inf_nan=False)
    weight_decay: float = _setting(
        1e-4, "Decay of the logits towards 0 (adamw).", "weight decay", ge=0, allow_inf_nan=False
    )
    decay: float = _setting(0.9, "Decay of the mean squared gradient (rmsprop).", "decay", ge=0, lt=1)
    label_smoothing: Share = _setting(
        0.0,
        "Gradient: share of the targets that is uniform over the tokens that p0 has; of rows that a batch visits.",
        "label smoothing",
    )
    entropy_bonus: float = _setting(
        0.0,
        "Gradient: weight of the entropy S(p), in nat, that the loss is lowered by; of several rows the mean over the "
        "tokens of a batch.",
        "entropy bonus",
        ge=0,
        allow_inf_nan=False,
    )
    forward_kl: float = _setting(
        0.0,
        "Gradient: weight of KL(p0 ‖ p) in the loss; of several rows the mean over the tokens of p0's traces.",
        "weight of the forward divergence from p0",
        ge=0,
        allow_inf_nan=False,
    )
    reverse_kl: float = _setting(
        0.0,
        "Gradient: weight of KL(p ‖ p0) in the loss; of several rows the mean over the tokens of a batch.",
        "weight of the reverse divergence from p0",
        ge=0,
        allow_inf_nan=False,
    )
    clip_norm: float = _setting(
        math.inf,
        "Gradient: a gradient of a larger Euclidean norm is scaled down to it; inf: none is.",
        "bound of the gradient's norm",
        gt=0,
    )
