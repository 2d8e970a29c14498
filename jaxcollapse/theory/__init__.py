"""What a simulation must give: exact results and limits, as functions with the words of the sweep file.

`ORACLES` lists them with their formula, assumptions, error and source; so does docs/theory.md.
"""

from jaxcollapse.theory.control import refit_control, sgd_control
from jaxcollapse.theory.corpora import (
    accumulated_heterozygosity,
    accumulated_limit,
    frozen_heterozygosity,
    window_heterozygosity,
)
from jaxcollapse.theory.diffusion import (
    diffusion_collapse_time,
    diffusion_first_extinction_time,
    diffusion_win_probability,
    rare_token_survival,
)
from jaxcollapse.theory.entropy import mean_entropy, mean_kl_from_initial
from jaxcollapse.theory.entropy_and_reward import EntropyLaw, entropy_at, entropy_law, entropy_step
from jaxcollapse.theory.far_out import far_out_survival
from jaxcollapse.theory.gradient import (
    StepLaw,
    logit_step_covariance,
    mean_entropy_step,
    mean_logit_step,
    mean_probability_step,
    mean_sign_step,
    step_law,
)
from jaxcollapse.theory.human_data import (
    diverse_threshold,
    real_data_fixed_points,
    real_data_flow,
    recovery_threshold,
)
from jaxcollapse.theory.ideal import effective_temperature, ideal_descent, ideal_refit, tempered_refit
from jaxcollapse.theory.policy_gradient import (
    coin_step_covariance,
    policy_gradient_flow,
    policy_gradient_step,
    rare_miss_probability,
    shares_at,
    verified_fixed_point,
)
from jaxcollapse.theory.registry import ORACLES, Oracle
from jaxcollapse.theory.selection import curated_refit, curation_temperature, verified_refit, verifier_threshold
from jaxcollapse.theory.support import (
    collapse_probability,
    first_extinction_probability,
    mean_collapse_time,
    mean_first_extinction_time,
    mean_support_size,
)
from jaxcollapse.theory.truncation import truncated, truncation_limit
from jaxcollapse.theory.two_tokens import two_token_collapse_time, two_token_law, two_token_win_probability
from jaxcollapse.theory.winner import sgd_win_probability
from jaxcollapse.theory.wright_fisher import (
    fixation_probability,
    mean_heterozygosity,
    mean_probability,
    probability_covariance,
    stationary_heterozygosity,
)

__all__ = [
    "ORACLES",
    "EntropyLaw",
    "Oracle",
    "StepLaw",
    "accumulated_heterozygosity",
    "accumulated_limit",
    "coin_step_covariance",
    "collapse_probability",
    "curated_refit",
    "curation_temperature",
    "diffusion_collapse_time",
    "diffusion_first_extinction_time",
    "diffusion_win_probability",
    "diverse_threshold",
    "effective_temperature",
    "entropy_at",
    "entropy_law",
    "entropy_step",
    "far_out_survival",
    "first_extinction_probability",
    "fixation_probability",
    "frozen_heterozygosity",
    "ideal_descent",
    "ideal_refit",
    "logit_step_covariance",
    "mean_collapse_time",
    "mean_entropy",
    "mean_entropy_step",
    "mean_first_extinction_time",
    "mean_heterozygosity",
    "mean_kl_from_initial",
    "mean_logit_step",
    "mean_probability",
    "mean_probability_step",
    "mean_sign_step",
    "mean_support_size",
    "policy_gradient_flow",
    "policy_gradient_step",
    "probability_covariance",
    "rare_miss_probability",
    "rare_token_survival",
    "real_data_fixed_points",
    "real_data_flow",
    "recovery_threshold",
    "refit_control",
    "sgd_control",
    "sgd_win_probability",
    "shares_at",
    "stationary_heterozygosity",
    "step_law",
    "tempered_refit",
    "truncated",
    "truncation_limit",
    "two_token_collapse_time",
    "two_token_law",
    "two_token_win_probability",
    "verified_fixed_point",
    "verified_refit",
    "verifier_threshold",
    "window_heterozygosity",
]
