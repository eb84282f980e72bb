"""The constants L_g and σ of a policy with bounded scores, from bounds on the scores of two kinds of policies.

All arguments broadcast, and what is returned has their shape.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import checks
from .checks import Array
from .products import product, sum_of_products


class PolicyConstants(NamedTuple):
    """Of J and of its stochastic gradient."""

    L_g: Array
    sigma: Array  # σ


def policy_constants(r_max: Array, M_g: Array, M_h: Array, discount: Array) -> PolicyConstants:
    """L_g = r_max (M_g² + M_h)/(1-γ)² and σ² = r_max² M_g²/(1-γ)³. (Fatkhullin et al. 2023, arXiv 2302.01734)

    r_max: bound on the size of a reward. M_g, M_h: bounds on ‖∇ log π(a|s)‖ and ‖∇² log π(a|s)‖. Enough is that
    E‖∇ log π‖² <= M_g² and E‖∇² log π‖ <= M_h over a ~ π(·|s): with s_t the scores of a trajectory, uncorrelated,
    E‖g‖² <= r_max² Σ_h γ^h Σ_h γ^h E‖Σ_{t<=h} s_t‖² <= r_max² (1-γ)^-1 Σ_h γ^h (h+1) M_g², and for ‖u‖ = 1
    |uᵀ∇²J u| <= r_max Σ_h γ^h E[(Σ_{t<=h} uᵀs_t)² + Σ_{t<=h} ‖∇² log π‖] <= r_max Σ_h γ^h (h+1) (M_g² + M_h).
    """
    r_max = checks.positive("r_max", r_max, "bound on rewards")
    M_g, M_h = checks.nonnegative("M_g", M_g, "bound"), checks.nonnegative("M_h", M_h, "bound")
    discount = checks.numbers("discount", discount, "discount", lambda x: (x >= 0) & (x < 1), "a number in [0, 1)")
    return PolicyConstants(
        sum_of_products([[(M_g, 2)], [M_h]], r_max, (1 - discount, -2)), product(r_max, M_g, (1 - discount, -1.5))
    )


class ScoreBounds(NamedTuple):
    """M_g and M_h, as `policy_constants` takes them."""

    M_g: Array
    M_h: Array


def softmax_score(actions: Array) -> ScoreBounds:
    """M_g = √(1 - 1/A) in mean square and M_h = 1/2, for a softmax over an (S, A) table.

    The score is e_a - π (in row s): ‖e_a - π‖² = 1 - 2π_a + ‖π‖² < 2, so √2 bounds every single one, and its mean is
    1 - ‖π‖² <= 1 - 1/A. The Hessian is -(diag π - ππᵀ) whatever a: uᵀ(diag π - ππᵀ)u is the variance of u_a, which lies
    in a range of at most √2 ‖u‖, so it is at most ‖u‖²/2 (Popoviciu). Both are best possible; one action has no score.
    """
    actions = checks.count("actions", actions, "number of actions")
    return ScoreBounds(np.sqrt(1 - 1 / actions), np.where(actions > 1, 0.5, 0.0)[()])


def gaussian_score(jacobian: Array, deviation: Array, actions: Array = 1, curvature: Array = 0.0) -> ScoreBounds:
    """M_g = √A G/σ in mean square and M_h = G²/σ² + √A F/σ in mean, for u ~ N(μ_θ(s), σ² I) with a fixed σ.

    jacobian: G >= ‖∂μ/∂θ‖ (spectral) at every state; for a linear mean μ = θφ(s) it is max ‖φ(s)‖. deviation: σ.
    actions: A, the dimension of u. curvature: F >= ‖Σ_j v_j ∇²μ_j‖ for every unit v; 0 for a linear mean.

    The score is (∂μ/∂θ)ᵀ z/σ with z ~ N(0, I): a single one is unbounded, its mean square is ‖∂μ/∂θ‖_F²/σ² <= A G²/σ².
    The Hessian is -(∂μ/∂θ)ᵀ(∂μ/∂θ)/σ² + Σ_j z_j ∇²μ_j/σ, and E‖z‖ <= √A. Squashing, a = c·tanh(u), changes nothing.
    Not covered: a σ that is learned, whose Hessian grows with z²; and neural networks, whose G and F grow with θ.
    """
    jacobian = checks.nonnegative("jacobian", jacobian, "bound")
    deviation = checks.positive("deviation", deviation, "deviation")
    actions = checks.count("actions", actions, "number of actions")
    curvature = checks.nonnegative("curvature", curvature, "bound")
    root = actions, 0.5
    hessian = [(jacobian, 2), (deviation, -2)], [root, curvature, (deviation, -1)]
    return ScoreBounds(product(root, jacobian, (deviation, -1)), sum_of_products(hessian))
