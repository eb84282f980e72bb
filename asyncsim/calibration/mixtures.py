"""`Straggling` times, fitted by expectation maximisation: logarithms are of two normal distributions with one sigma."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

STEPS = 100  # of expectation maximisation; it stops where the likelihood no longer grows
TOLERANCE = 1e-6  # in log-likelihood per job
LEAST_SIGMA = 0.003  # as little as this is the clock's rounding, and would make likelihoods of a few values infinite
SHARES = (0.02, 0.1, 0.3)  # of the longest jobs, from which the search begins
HALF_LOG_2PI = math.log(2 * math.pi) / 2
STEP = 1e-4  # of differences that stand for derivatives


def fit(seconds, guess=None):
    """Parameters ``mean, sigma, probability, slowdown`` of the greatest likelihood. guess: where to begin, as those."""
    logs = np.log(seconds)
    found = [_maximised(logs, begin) for begin in (_begins(logs) if guess is None else [_plain(guess)])]
    likelihood = np.stack([_log_density(each, logs).sum(-1) for each in found])
    best = np.take_along_axis(np.stack(found), likelihood.argmax(0)[None, ..., None], 0)[0]
    usual, later, sigma, p = np.moveaxis(best, -1, 0)
    mean = np.exp(usual + sigma**2 / 2) * (1 + p * np.expm1(later))
    return np.stack([mean, sigma, p, np.exp(later)], -1)


def log_density(parameters, seconds):
    """log f of seconds."""
    logs = np.log(seconds)
    return _log_density(_plain(parameters), logs) - logs


def below(parameters, seconds):
    """P(h ≤ t)."""
    usual, later, sigma, p = (each[..., None] for each in np.moveaxis(_plain(parameters), -1, 0))
    z = (np.log(seconds) - usual) / sigma
    return (1 - p) * special.ndtr(z) + p * special.ndtr(z - later / sigma)


def interval(parameters, seconds, level):
    """Wald's on the scales log mean, log sigma, logit probability and log log slowdown.

    The information is the sum over jobs of the scores' outer products, with derivatives by differences.
    """
    free = _free(parameters)
    scores = []
    for k in range(4):
        step = STEP * np.eye(4)[k]
        up, down = (log_density(_bound(free + sign * step), seconds) for sign in (1, -1))
        scores.append((up - down) / (2 * STEP))
    score = np.stack(scores, -2)
    information = score @ np.swapaxes(score, -1, -2)
    covariance = np.linalg.pinv(information, hermitian=True)
    reach = special.ndtri((1 + level) / 2) * np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return np.stack([_bound(free - reach), _bound(free + reach)], -1)


def _begins(logs):
    """Points from which the search begins: the longest jobs straggle."""
    ordered = np.sort(logs, -1)
    for share in SHARES:
        cut = max(logs.shape[-1] - max(round(share * logs.shape[-1]), 1), 1)
        usual, slow = np.median(ordered[..., :cut], -1), np.median(ordered[..., cut:], -1)
        sigma = np.maximum(ordered[..., :cut].std(-1), LEAST_SIGMA)
        yield np.stack([usual, slow - usual, sigma, np.full_like(usual, share)], -1)


def _maximised(logs, point):
    jobs = logs.shape[-1]
    last = np.full(logs.shape[:-1], -np.inf)
    for _ in range(STEPS):
        usual, odds = _parts(point, logs)
        likelihood = (usual + np.logaddexp(0, odds)).mean(-1)
        if (likelihood - last < TOLERANCE).all():
            break
        last = likelihood
        slow = special.expit(odds)  # the probability that this job straggled
        count = np.clip(slow.sum(-1), 1e-9, jobs - 1e-9)
        middle, end = (logs * (1 - slow)).sum(-1) / (jobs - count), (logs * slow).sum(-1) / count
        distance = (1 - slow) * (logs - middle[..., None]) ** 2 + slow * (logs - end[..., None]) ** 2
        sigma = np.maximum(np.sqrt(distance.mean(-1)), LEAST_SIGMA)
        point = np.stack([middle, np.maximum(end - middle, 1e-6), sigma, count / jobs], -1)
    return point


def _parts(point, logs):
    """Of log h: the log density of usual jobs with their share, and the log odds that a job straggled.

    point: the median of usual jobs and how much later others are, in logarithms; sigma; probability.
    """
    usual, later, sigma, p = (point[..., k, None] for k in range(4))
    z, shift = (logs - usual) / sigma, later / sigma
    return np.log1p(-p) - z**2 / 2 - np.log(sigma) - HALF_LOG_2PI, special.logit(p) + shift * (z - shift / 2)


def _log_density(point, logs):
    usual, odds = _parts(point, logs)
    return usual + np.logaddexp(0, odds)


def _plain(parameters):
    mean, sigma, p, slowdown = np.moveaxis(parameters, -1, 0)
    usual = np.log(mean / (1 + p * (slowdown - 1))) - sigma**2 / 2
    return np.stack([usual, np.log(slowdown), sigma, p], -1)


def _free(parameters):
    mean, sigma, p, slowdown = np.moveaxis(parameters, -1, 0)
    return np.stack([np.log(mean), np.log(sigma), special.logit(p), np.log(np.log(slowdown))], -1)


def _bound(free):
    mean, sigma, p, slowdown = np.moveaxis(free, -1, 0)
    return np.stack([np.exp(mean), np.exp(sigma), special.expit(p), np.exp(np.exp(slowdown))], -1)
