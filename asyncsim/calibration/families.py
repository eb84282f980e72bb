"""Families of compute times: how each is fitted by maximum likelihood, and how sure its parameters are.

All work on the last axis of arrays, so that many samples of one size are fitted at once: seconds have shape (...,
jobs), parameters (..., k) in the order of the component's fields, and intervals (..., k, 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from scipy import special, stats

from ..cluster import ComputeTime, Exponential, Gamma, LogNormal, Pareto, Straggling
from . import mixtures

Array = np.ndarray


@dataclass(frozen=True)
class Family:
    """A distribution with unknown parameters.

    component: what it is in a cluster. fit: parameters of seconds, from a guess if there is one. log_density: log f, of
    parameters and seconds. below: P(h ≤ t), likewise. interval: of parameters, seconds and a level such as 0.95.
    counted: how many parameters it has in the BIC, where one whose error falls as 1/jobs, instead of 1/√jobs, is two.
    """

    component: Callable[..., ComputeTime]
    fit: Callable[[Array, Array | None], Array]
    log_density: Callable[[Array, Array], Array]
    below: Callable[[Array, Array], Array]
    interval: Callable[[Array, Array, float], Array]
    counted: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        component: type = self.component  # type: ignore[assignment]
        return tuple(field.name for field in fields(component))


def _split(parameters: Array) -> list[Array]:
    """Each parameter, to be used with seconds."""
    return [parameters[..., k, None] for k in range(parameters.shape[-1])]


def _ends(*pairs: tuple[Array, Array]) -> Array:
    return np.stack([np.stack(pair, -1) for pair in pairs], -2)


def _times(value: Array, log_error: Array, level: float) -> tuple[Array, Array]:
    """The ends of an interval of a positive number whose logarithm has this standard error (Wald's, by Fisher)."""
    reach = np.exp(special.ndtri((1 + level) / 2) * log_error)
    return value / reach, value * reach


# ---- exponential


def _fit_exponential(seconds, guess=None):
    return seconds.mean(-1, keepdims=True)


def _exponential_density(parameters, seconds):
    (mean,) = _split(parameters)
    return -np.log(mean) - seconds / mean


def _exponential_below(parameters, seconds):
    (mean,) = _split(parameters)
    return -np.expm1(-seconds / mean)


def _exponential_interval(parameters, seconds, level):
    jobs = seconds.shape[-1]  # exact: 2 · jobs · (average / mean) is χ² with 2 · jobs degrees of freedom
    low, high = (2 * jobs / stats.chi2.ppf((1 + side * level) / 2, 2 * jobs) for side in (1, -1))
    return _ends((parameters[..., 0] * low, parameters[..., 0] * high))


# ---- log-normal


def _fit_lognormal(seconds, guess=None):
    logs = np.log(seconds)
    sigma = logs.std(-1)
    return np.stack([np.exp(logs.mean(-1) + sigma**2 / 2), sigma], -1)


def _lognormal_density(parameters, seconds):
    mean, sigma = _split(parameters)
    logs = np.log(seconds)
    return stats.norm.logpdf(logs, np.log(mean) - sigma**2 / 2, sigma) - logs


def _lognormal_below(parameters, seconds):
    mean, sigma = _split(parameters)
    return special.ndtr((np.log(seconds / mean) + sigma**2 / 2) / sigma)


def _lognormal_interval(parameters, seconds, level):
    jobs, mean, sigma = seconds.shape[-1], parameters[..., 0], parameters[..., 1]
    # The mean's is Cox's (Zhou and Gao 1997); sigma's is exact, as of a normal distribution.
    error = np.sqrt(sigma**2 / jobs + sigma**4 / (2 * (jobs - 1)))
    low, high = (sigma * np.sqrt(jobs / stats.chi2.ppf((1 + side * level) / 2, jobs - 1)) for side in (1, -1))
    return _ends(_times(mean, error, level), (low, high))


# ---- gamma


def _fit_gamma(seconds, guess=None):
    mean = seconds.mean(-1)
    s = np.log(mean) - np.log(seconds).mean(-1)  # of the shape k: log k - ψ(k)
    k = (3 - s + np.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
    for _ in range(6):  # Newton's method on 1/k (Minka 2002)
        slope = 1 / k - special.polygamma(1, k)
        k = 1 / (1 / k + (s - np.log(k) + special.digamma(k)) / (-(k**2) * slope))
    return np.stack([mean, k], -1)


def _gamma_density(parameters, seconds):
    mean, shape = _split(parameters)
    return stats.gamma.logpdf(seconds, shape, scale=mean / shape)


def _gamma_below(parameters, seconds):
    mean, shape = _split(parameters)
    return special.gammainc(shape, seconds * shape / mean)


def _gamma_interval(parameters, seconds, level):
    jobs, mean, shape = seconds.shape[-1], parameters[..., 0], parameters[..., 1]
    # Fisher's information: mean and shape are orthogonal.
    error = 1 / np.sqrt(jobs * shape**2 * (special.polygamma(1, shape) - 1 / shape))
    return _ends(_times(mean, 1 / np.sqrt(jobs * shape), level), _times(shape, error, level))


# ---- Pareto


def _fit_pareto(seconds, guess=None):
    minimum = seconds.min(-1)
    return np.stack([minimum, 1 / np.log(seconds / minimum[..., None]).mean(-1)], -1)


def _pareto_density(parameters, seconds):
    minimum, shape = _split(parameters)
    return np.log(shape) + shape * np.log(minimum) - (shape + 1) * np.log(seconds)


def _pareto_below(parameters, seconds):
    minimum, shape = _split(parameters)
    return -np.expm1(shape * np.log(np.minimum(minimum / seconds, 1)))


def _pareto_interval(parameters, seconds, level):
    jobs, minimum, shape = seconds.shape[-1], parameters[..., 0], parameters[..., 1]
    # Exact: 2 · jobs · (true shape / shape) is χ² with 2 · (jobs - 1) degrees of freedom, and independent of the least,
    # where (jobs - 1) · shape · log(least / minimum) has the F distribution with 2 and 2 · (jobs - 1).
    low, high = (shape * stats.chi2.ppf((1 + side * level) / 2, 2 * (jobs - 1)) / (2 * jobs) for side in (-1, 1))
    reach = np.exp(-stats.f.ppf(level, 2, 2 * (jobs - 1)) / ((jobs - 1) * shape))
    return _ends((minimum * reach, minimum), (low, high))


EXPONENTIAL = Family(Exponential, _fit_exponential, _exponential_density, _exponential_below, _exponential_interval, 1)
LOGNORMAL = Family(LogNormal, _fit_lognormal, _lognormal_density, _lognormal_below, _lognormal_interval, 2)
GAMMA = Family(Gamma, _fit_gamma, _gamma_density, _gamma_below, _gamma_interval, 2)
PARETO = Family(Pareto, _fit_pareto, _pareto_density, _pareto_below, _pareto_interval, 3)
STRAGGLING = Family(Straggling, mixtures.fit, mixtures.log_density, mixtures.below, mixtures.interval, 4)
FAMILIES = (EXPONENTIAL, LOGNORMAL, GAMMA, PARETO, STRAGGLING)
