"""Published results about training with rewards, reproduced: formulas of three papers beside the engine."""
