"""What a process is made of: a static part, which decides shapes and code paths, and numbers, which are traced."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from jaxtyping import Array, Float, Int32

from jaxcollapse.parameterisations import FreeTable, Parameterisation
from jaxcollapse.process.corpus import Corpus
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.training.constants import LOSS
from jaxcollapse.walks import Walk
from jaxcollapse.walks.walk import Numbers

_FREE = FreeTable()
Batches = Literal["generator", "corpus", "full"]
Truncation = Literal["top_k", "top_p", "min_p"]
# Fields of a process that may keep a model from collapse, or speed it up; each is switched off by default.
REMEDIES = (
    "generator",
    "fresh_every",
    "fresh_sampling",
    "real_samples",
    "smoothing",
    "reset_every",
    *LOSS,
    "clip_norm",
    "sample_growth",
    "curation",
    "true_positive_rate",
    "false_positive_rate",
    "evaluation_temperature",
    "collapsed_start",
)
# The settings that are int32.
COUNTS = ("fresh_every", "real_samples", "reset_every", "samples", "batch_size", "trace_length", "end_token")


@dataclass(frozen=True)
class Structure:
    """The static part of a process.

    walk: how a trace moves over the rows of the table. tokens: width of the token axis, padding included.
    parameters: what the table is made from.
    sampler: how the samples of a generation are counted; None where none are drawn (infinitely many, or minibatches
        straight from the generator).
    batches: what an optimiser step sees: "generator" (fresh traces at every step, which is what one pass over fresh
        data amounts to), "corpus" (a minibatch of the stored corpus), or "full" (the whole corpus).
    partial_refit: whether a refit keeps a part of the model as it was.
    batch_sampler: how the traces of a minibatch are counted; None for "full" and for draws without replacement.
    schedule: of the learning rate.
    remedies: those of `REMEDIES` that are not switched off.
    single_step: whether a generation is one optimiser step: without a loop, it shares its softmax with the events.
    tracks_visits: whether it is kept which rows have been visited. curation, reward: how samples are selected, if they
    are, and by what. traces_at_once: of traces that are judged as wholes, how many are drawn together; 0 if none are.
    """

    walk: Walk
    tokens: int
    update: Literal["refit", "gradient"]
    corpus: Corpus
    infinite_samples: bool
    sampler: Method | None
    batches: Batches = "full"
    batch_sampler: Method | None = None
    optimizer: str = "sgd"
    schedule: str = "constant"
    single_step: bool = False
    carry_optimizer: bool = True
    truncations: tuple[Truncation, ...] = ()
    fresh_data: bool = False
    partial_refit: bool = False
    remedies: tuple[str, ...] = ()
    parameters: Parameterisation = _FREE
    tracks_visits: bool = False
    curation: str = "none"
    reward: str = "likelihood"
    traces_at_once: int = 0

    @property
    def shape(self) -> str:
        """Of the table, in words."""
        return f"{self.walk.contexts} × {self.tokens}" if self.walk.is_structured else str(self.tokens)

    @property
    def is_fusible(self) -> bool:
        """Whether it is a process of which native code runs whole generations."""
        how = self.sampler or self.batch_sampler
        if self.walk.is_structured or not self.parameters.is_free:
            return False
        if how is None or not how.native or self.truncations or self.fresh_data or self.remedies:
            return False
        if self.update == "refit":
            return self.corpus.kind == "replace" and not self.partial_refit
        return self.optimizer == "sgd" and self.schedule == "constant" and self.batches == "generator"

    @property
    def only_tempers(self) -> bool:
        """Whether a generation puts the model at another temperature, and nothing else: the refit to infinitely many
        samples of it. Then the temperature is a scale that is kept apart.
        """
        plain = not (self.truncations or self.fresh_data or self.partial_refit) and self.curation == "none"
        plain &= set(self.remedies) <= {"collapsed_start", "evaluation_temperature"}
        return self.update == "refit" and self.infinite_samples and self.corpus.kind == "replace" and plain

    @property
    def absorbs(self) -> bool:
        """Whether a model with one token left stays as it is for ever."""
        plain = not self.walk.is_structured and not self.fresh_data and not self.remedies
        return self.update == "refit" and self.corpus.kind == "replace" and plain


class Settings(NamedTuple):
    """The numbers of a process. `COUNTS` are int32, the rest floating point; finite stand-ins where one is not used.

    batch_size: of fresh traces; to native code, which trains whole generations, 0 stands for infinitely many.
    """

    temperature: Float[Array, "..."]
    top_k: Float[Array, "..."]
    top_p: Float[Array, "..."]
    min_p: Float[Array, "..."]
    fresh_fraction: Float[Array, "..."]
    mixing: Float[Array, "..."]
    learning_rate: Float[Array, "..."]
    schedule_time: Float[Array, "..."]
    momentum: Float[Array, "..."]
    b1: Float[Array, "..."]
    b2: Float[Array, "..."]
    eps: Float[Array, "..."]
    weight_decay: Float[Array, "..."]
    decay: Float[Array, "..."]
    smoothing: Float[Array, "..."]
    label_smoothing: Float[Array, "..."]
    entropy_bonus: Float[Array, "..."]
    forward_kl: Float[Array, "..."]
    reverse_kl: Float[Array, "..."]
    clip_norm: Float[Array, "..."]
    collapsed_start: Float[Array, "..."]
    exchange: Float[Array, "..."]
    sample_growth: Float[Array, "..."]
    candidates: Float[Array, "..."]
    reward_scale: Float[Array, "..."]
    true_positive_rate: Float[Array, "..."]
    false_positive_rate: Float[Array, "..."]
    correct_share: Float[Array, "..."]
    evaluation_temperature: Float[Array, "..."]
    fresh_every: Int32[Array, "..."]
    real_samples: Int32[Array, "..."]
    reset_every: Int32[Array, "..."]
    samples: Int32[Array, "..."]
    batch_size: Int32[Array, "..."]
    trace_length: Int32[Array, "..."]
    end_token: Int32[Array, "..."]

    @property
    def traces(self) -> Numbers:
        """What walks read of them."""
        return Numbers(self.trace_length, self.end_token)


class Loops(NamedTuple):
    """Numbers of iterations, the same for all trajectories of a device call.

    places, candidates: draws of a trace that is judged as a whole, and of how many one is kept; 0 where there are none.
    """

    steps: Int32[Array, ""]
    sample_blocks: Int32[Array, ""]
    batch_blocks: Int32[Array, ""]
    places: Int32[Array, ""]
    candidates: Int32[Array, ""]
