"""The papers, in the order of the page."""

from experiments.published import entropy_and_reward, noisy_verifier, rare_answers, whitened_rewards

PAPERS = (noisy_verifier.PAPER, rare_answers.PAPER, whitened_rewards.PAPER, entropy_and_reward.PAPER)
