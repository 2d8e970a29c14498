"""Maximum likelihood by steps of an optimiser on minibatches."""

from dataclasses import dataclass

from jaxcollapse.training.batch import Batch, Table
from jaxcollapse.training.updates import UPDATES
from jaxcollapse.training.updates.rule import UpdateRule


@UPDATES.adds()
@dataclass(frozen=True)
class Gradient(UpdateRule):
    """Steps on the mean cross-entropy of the tokens of traces."""

    def gradient(self, batch: Batch) -> Table:
        """Gradient of the cross entropy with respect to the logits: p − p̂ in a model of one row."""
        return batch.cross_entropy_gradient()
