"""Products of numbers of any size: only the result has to be a float."""

from __future__ import annotations

import numpy as np

quiet = np.errstate(divide="ignore", over="ignore", invalid="ignore")  # h_i = inf, and 1/M_i = 1/0 = ∞


@quiet
def product(*factors):
    """Π x^p of factors x >= 0, or (x, p), of which only the result has to be a float; 0 · ∞ is 0.

    Each x is mantissa · 2^exponent, with a mantissa near 1, and exponents are added.
    """
    mantissa, exponent, nothing = np.float64(1), np.float64(0), False
    for factor in factors:
        x, power = factor if isinstance(factor, tuple) else (factor, 1)
        x = np.asarray(x, float)
        part, shift = np.frexp(x)
        whole = np.floor(shift * power)
        mantissa = mantissa * part**power * 2.0 ** (shift * power - whole)
        exponent = exponent + whole
        nothing = nothing | (x == (0 if power > 0 else np.inf))
    return np.where(nothing, 0.0, np.ldexp(mantissa, exponent.astype(np.int64)))[()]


@quiet
def sum_of_products(terms, *factors):
    """A sum of products, each with these factors besides."""
    return sum(product(*term, *factors) for term in terms)


def logarithm(factors):
    """log2 of `product`."""
    return sum(power * np.log2(x) for x, power in (f if isinstance(f, tuple) else (f, 1) for f in factors))


def at_least_one(x):
    """max{1, ⌈x⌉}, where an x that is an integer but for rounding counts as that integer."""
    return np.maximum(1.0, np.ceil(x * (1 - 1e-13)))
