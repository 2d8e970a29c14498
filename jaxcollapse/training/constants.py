"""Which constants an optimiser reads beside the learning rate, which fields change the loss, and which optimisers
converge to the fit.
"""

CONSTANTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "adam": ("b1", "b2", "eps"),
    "adamw": ("b1", "b2", "eps", "weight_decay"),
    "rmsprop": ("decay", "eps"),
    "sign_sgd": (),
}
LOSS = ("label_smoothing", "entropy_bonus", "forward_kl", "reverse_kl")  # fields that change the loss of a step
CONVERGING = ("sgd", "momentum", "nesterov")  # full-batch steps at a small enough rate reach the maximum-likelihood fit
