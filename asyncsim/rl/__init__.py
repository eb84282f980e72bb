"""Just enough reinforcement learning: environments, policies, rollout and estimator."""
