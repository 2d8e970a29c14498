"""Models: a map from parameters to a table of next-token logits [context, token], and a walk over its rows.

Counts per (context, token) are sufficient for training, so that a batch of any size is a table of integers.
"""

from jaxcollapse.models.categorical import Categorical
from jaxcollapse.models.ensemble import Ensemble
from jaxcollapse.models.markov import Markov
from jaxcollapse.models.persona import Persona
from jaxcollapse.models.walk import Walk

__all__ = ["Categorical", "Ensemble", "Markov", "Persona", "Walk"]
