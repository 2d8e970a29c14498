"""Which constants an optimiser reads beside the learning rate, and which optimisers converge to the fit."""

CONSTANTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "adam": ("b1", "b2", "eps"),
    "adamw": ("b1", "b2", "eps", "weight_decay"),
    "rmsprop": ("decay", "eps"),
    "sign_sgd": (),
}
CONVERGING = ("sgd", "momentum", "nesterov")  # full-batch steps at a small enough rate reach the maximum-likelihood fit
