"""A reward: scores from a judge who errs, in each trace by chance.

jaxcollapse run examples/plugins/noisy_judge.toml --plugin examples/plugins/noisy_judge.py
"""

import jax

import jaxcollapse as jc


@jc.reward
def noisy_judge(judged, key, scores: jc.PerToken, judge_noise: float = 1.0):
    """The score of each token, plus the error that the judge makes with this trace: normal, with this deviation."""
    return scores + judge_noise * jax.random.normal(key, dtype=scores.dtype)
