"""An update rule: REINFORCE (Williams 1992) with a score for each token.

jaxcollapse run examples/plugins/reinforce.toml --plugin examples/plugins/reinforce.py
"""

import jaxcollapse as jc


@jc.update_rule
class Reinforce:
    """Steps along the mean of (score − score_baseline) ∇ ln p over the tokens that the model has drawn."""

    scores: jc.PerToken
    score_baseline: float = 0.0

    def gradient(self, batch):
        """Of −Σ frequency · (score − score_baseline) · ln p, with respect to the logits."""
        weighted = batch.frequencies * (self.scores[None] - self.score_baseline)
        return batch.p * weighted.sum(axis=-1, keepdims=True) - weighted
