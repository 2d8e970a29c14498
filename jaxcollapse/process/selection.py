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
        description="Of so many `candidates` one trace is kept, with probability ∝ e^reward, or the one of greatest "
        "reward.",
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
        description="Curation: samples K of which one is kept; inf: the limit of many.",
        label="candidates",
        kind="number",
        when=CURATED,
    ),
)
REWARD_SCALE = Field(
    name="reward_scale",
    type=float,
    default=1.0,
    description="Curation: what the reward is multiplied by.",
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
        description="Share of correct samples that a verifier accepts.",
        label="true positive rate of the verifier",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="false_positive_rate",
        type=Share,
        default=1.0,
        description="Share of other samples that a verifier accepts.",
        label="false positive rate of the verifier",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="correct_share",
        type=float,
        default=0.9,
        description="Verifier: correct are the most likely tokens of p0, of each row, that hold this probability "
        "together; and traces of nothing else.",
        label="share of p0 that is correct",
        limits={"gt": 0, "le": 1},
        kind="number",
        when=When("with a verifier: true_positive_rate or false_positive_rate below 1", has_verifier),
    ),
)
