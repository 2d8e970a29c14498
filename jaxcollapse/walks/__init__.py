"""Models: a map from parameters to a table of next-token logits [context, token], and a walk over its rows.

Counts per (context, token) are sufficient for training, so that a batch of any size is a table of integers.
"""

from jaxcollapse.walks.categorical import Categorical
from jaxcollapse.walks.ensemble import Ensemble
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.persona import Persona
from jaxcollapse.walks.walk import Walk

__all__ = ["Categorical", "Ensemble", "Markov", "Persona", "Walk"]
