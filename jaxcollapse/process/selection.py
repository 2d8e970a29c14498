"""Selection of samples: one of several candidates is kept, a verifier rejects others."""

from jaxcollapse.parts.cell_kinds import CURATED, has_verifier
from jaxcollapse.parts.field import Field, When
from jaxcollapse.parts.field_types import Count, Share
from jaxcollapse.parts.slot import Slot
from jaxcollapse.sampling.curation import CURATIONS as LAWS

CURATIONS = Slot(
    "curation",
    Field(
        name="curation",
        type=str,
        default="none",
        description="Selection of one trace among `candidates`: with probability ∝ e^reward "
        "(bradley_terry), or the one "
        "with the greatest reward (argmax).",
        label="curation",
        is_off=True,
    ),
)
CURATIONS.adds(name="none", skip=1)(lambda logits: logits)
for name, law in LAWS.items():
    CURATIONS.adds(name=name, skip=3)(law)
CURATIONS.close()

CANDIDATES = (
    Field(
        name="candidates",
        type=Count,
        default=2,
        description="Curation: number K of samples among which one is kept; inf: the limit K → ∞.",
        label="candidates",
        kind="number",
        when=CURATED,
    ),
)
REWARD_SCALE = Field(
    name="reward_scale",
    type=float,
    default=1.0,
    description="Curation: factor of the reward.",
    label="scale of the reward",
    limits={"ge": -100, "le": 100},
    kind="number",
    when=CURATED,
)
VERIFIER = (
    Field(
        name="true_positive_rate",
        type=Share,
        default=1.0,
        description="Verifier: share of correct samples that it accepts.",
        label="true positive rate of the verifier",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="false_positive_rate",
        type=Share,
        default=1.0,
        description="Verifier: share of incorrect samples that it accepts.",
        label="false positive rate of the verifier",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="correct_share",
        type=float,
        default=0.9,
        description="Verifier: the fewest most likely tokens of each row of p0 that together have this "
        "probability are correct, "
        "and so are the traces that consist of them.",
        label="share of p0 that is correct",
        limits={"gt": 0, "le": 1},
        kind="number",
        when=When("with a verifier: true_positive_rate or false_positive_rate below 1", has_verifier),
    ),
)
