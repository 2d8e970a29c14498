"""A score for each token, given by hand."""

from jaxtyping import Array, Float

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import PerToken
from jaxcollapse.training.rewards import REWARDS, Judged


@REWARDS.adds(
    Field(
        name="scores",
        type=PerToken | None,
        default=None,
        description="Curation: a score for each token, for reward = 'score'.",
        label="scores",
        limits={"min_length": 1},
        kind="tokens",
        is_off=True,
    ),
    skip=1,
    is_fixed=True,
)
def score(judged: Judged, scores: Float[Array, " token"]) -> Float[Array, " token"]:
    """The score."""
    return scores
