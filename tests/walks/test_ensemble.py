"""Several models that train on each other's samples."""

import numpy as np
import pytest

from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
P0 = np.array([0.4, 0.3, 0.2, 0.1])
RECORD = {"every": 1, "logits": True}


def second_moments(models: int, exchange: float, samples: int, generations: int) -> np.ndarray:
    """E Σ p_k p_l of models k and l under refit at T = 1, after each generation.

    Their data are drawn from W p, W the shares of exchange. Draws of two models are independent; of one, 1/N of the
    pairs are the same sample.
    """
    shares = np.full((models, models), exchange / (models - 1))
    np.fill_diagonal(shares, 1 - exchange)
    moments = [np.full((models, models), (P0**2).sum())]
    for _ in range(generations):
        drawn = shares @ moments[-1] @ shares.T
        own = np.diag(drawn)
        drawn[np.diag_indices(models)] = 1 / samples + (1 - 1 / samples) * own
        moments.append(drawn)
    return np.array(moments)


def test_diversity_within_and_between_models_follows_the_exact_recursion() -> None:
    """Refit, T = 1: each model drifts, exchange ties them together; without it they are independent."""
    models, samples, generations, exchanges = 3, 12, 8, [0.0, 0.3, 2 / 3]
    data = run(
        {"model": "ensemble", "models": models, "initial": values(P0), "update": "refit", "samples": samples},
        {"exchange": exchanges},
        generations=generations,
        replicates=20_000,
        record=RECORD,
    )
    p = probabilities(data)
    assert data.logits.dims == ("exchange", "replicate", "generation", "context", "token")
    for place, exchange in enumerate(exchanges):
        expected = second_moments(models, exchange, samples, generations)
        assert_mean(p[place, :, -1], np.broadcast_to(P0, (models, len(P0))))
        for generation in (1, generations):
            now = p[place, :, generation]
            assert_mean((now[:, 0] ** 2).sum(axis=-1), expected[generation, 0, 0], resolves=0.03)
            assert_mean((now[:, 1] * now[:, 2]).sum(axis=-1), expected[generation, 1, 2], resolves=0.03)


def test_one_model_alone_is_the_categorical_model() -> None:
    """In law: E H after a generation; and its own samples are all that there is to exchange."""
    data = run(
        {"model": "ensemble", "models": 1, "exchange": 0.0, "initial": values(P0), "update": "refit", "samples": 5},
        generations=3,
        replicates=20_000,
        record=RECORD,
    )
    h = 1 - (probabilities(data)[:, :, 0] ** 2).sum(axis=-1)
    for generation in range(4):
        assert_mean(h[:, generation], (1 - (P0**2).sum()) * (1 - 1 / 5) ** generation)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_each_model_has_a_loss_of_its_own(optimizer: str) -> None:
    """Of the first step: E Δz = 0 at T = 1, and with SGD the variance of one model: η² p (1 − p)/B."""
    rate, batch = 0.5, 4
    data = run(
        {
            "model": "ensemble",
            "initial": values(P0),
            "batch_size": batch,
            "learning_rate": rate,
            "optimizer": optimizer,
        },
        {"models": [2, 5]},
        generations=1,
        replicates=8000,
        record=RECORD,
    )
    for place, models in enumerate([2, 5]):
        step = (data.logits.values[place, :, 1] - data.logits.values[place, :, 0])[:, :models]
        assert np.isnan(data.logits.values[place, :, 1, models:]).all()
        if optimizer == "sgd":
            variance = rate**2 * P0 * (1 - P0) / batch
            assert_mean(step, np.zeros((models, len(P0))), variance=variance)
            assert_mean(step**2, np.broadcast_to(variance, (models, len(P0))))
        else:  # steps do not depend on the scale of the loss, and so not on the number of models
            np.testing.assert_allclose(np.abs(step).max(), rate, rtol=1e-3)


def test_nothing_moves_at_temperature_one_with_infinitely_many_samples() -> None:
    data = run(
        {"model": "ensemble", "initial": values(P0), "batch_size": INF, "samples": INF, "optimizer": "adam"},
        {"exchange": [0.0, 0.4]},
        generations=5,
        replicates=1,
        record=RECORD,
        observables=["mutual_information", "entropy", "within_entropy"],
    )
    np.testing.assert_array_equal(data.logits[..., -1, :, :], data.logits[..., 0, :, :])
    np.testing.assert_allclose(data.mutual_information, 0, atol=1e-12)
    np.testing.assert_allclose(data.entropy, data.within_entropy, rtol=1e-6)
