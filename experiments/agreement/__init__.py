"""Theory beside the engine: each oracle is compared with simulations."""
