"""Stochastic policies on flat parameter vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from .spaces import Box, Discrete


@dataclass(frozen=True)
class MLP:
    """A neural network of tanh layers: softmax over discrete actions, or a squashed Gaussian.

    (arXiv 2509.24305, section 6)

    hidden: widths of the tanh layers.
    shared: mean and standard deviation are two heads of one trunk; False: two such stacks (left open in the paper).
    tanh_correction: log π is the density of the action a = c·tanh(u); False: of u itself (left open in the paper).

    Continuous actions: u ~ N(μ, diag σ²), σ by softplus, a = m + c·tanh(u) with m the middle of the actions' bounds (0
    in the paper) and c half of what lies between them.
    """

    hidden: tuple[int, ...] = (64, 64)
    shared: bool = True
    tanh_correction: bool = False

    def for_spaces(self, observation_size: int, actions: Discrete | Box) -> PolicyNetwork:
        """The policy's functions for these spaces."""
        return PolicyNetwork(self, observation_size, actions)


@dataclass(frozen=True)
class PolicyNetwork:
    """An MLP policy for given observations and actions. θ is one flat vector of shape (size,)."""

    policy: MLP
    observation_size: int
    actions: Discrete | Box

    @cached_property
    def _template(self) -> tuple[Any, Any]:
        shapes = jax.eval_shape(self._layers, jax.random.key(0))
        flat, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))
        return flat.size, unravel

    @property
    def size(self) -> int:
        """d, the number of parameters."""
        with jax.ensure_compile_time_eval():
            return self._template[0]

    def init(self, key) -> jax.Array:
        """Glorot-uniform weights and zero biases, flat, shape (d,)."""
        return ravel_pytree(self._layers(key))[0]

    def _layers(self, key):
        heads = 1 if isinstance(self.actions, Discrete) else 2
        if self.policy.shared or heads == 1:
            return [self._stack(key, heads * self.actions.size)]
        return [self._stack(key, self.actions.size) for key in jax.random.split(key, heads)]

    def _stack(self, key, outputs: int):
        widths = (self.observation_size, *self.policy.hidden, outputs)
        keys = jax.random.split(key, len(widths) - 1)
        glorot = jax.nn.initializers.glorot_uniform()
        dtype = jnp.result_type(float)
        return [
            (glorot(k, (rows, columns), dtype), jnp.zeros(columns, dtype))
            for k, rows, columns in zip(keys, widths, widths[1:], strict=False)
        ]

    def layers(self, params):
        """θ as weights and biases, stack by stack. To be called before a loop: inside it would copy every time."""
        with jax.ensure_compile_time_eval():
            unravel = self._template[1]
        return unravel(params)

    def heads(self, layers, observations):
        """Parameters of the actions' distribution, for observations (B, o): logits (B, K), or (μ, σ), each (B, A)."""
        outputs = jnp.concatenate([_forward(stack, observations) for stack in layers], axis=-1)
        if isinstance(self.actions, Discrete):
            return outputs
        mean, spread = jnp.split(outputs, 2, axis=-1)
        return mean, jax.nn.softplus(spread)

    def noise(self, key, steps: int):
        """The random numbers of a trajectory's actions: (steps,) uniform, or (steps, A) normal."""
        if isinstance(self.actions, Discrete):
            return jax.random.uniform(key, (steps,))
        return jax.random.normal(key, (steps, self.actions.size))

    def sample(self, heads, noise):
        """The latent u whose density is taken, from one step's noise: action indices (B,) or Gaussians (B, A)."""
        if isinstance(self.actions, Discrete):
            below = jnp.cumsum(jax.nn.softmax(heads), axis=-1)[:, :-1]
            return jnp.sum(noise[:, None] > below, axis=-1).astype(jnp.int32)
        mean, deviation = heads
        return mean + deviation * noise

    def action(self, latent):
        """The action for the environment: the index itself, or m + c·tanh(u)."""
        if isinstance(self.actions, Discrete):
            return latent
        unit, numbers = jnp.tanh(latent), (self.actions.scale, self.actions.middle)
        if numbers[1] == 0.0:
            return numbers[0] * unit
        scale, middle = (jnp.broadcast_to(jnp.asarray(x, unit.dtype), unit.shape) for x in numbers)
        return middle + scale * unit

    def entropy(self, heads):
        """The entropy of the actions' distribution, shape (B,); of continuous ones that of u."""
        if isinstance(self.actions, Discrete):
            logs = jax.nn.log_softmax(heads)
            return -(jnp.exp(logs) * logs).sum(axis=-1)
        _, deviation = heads
        return (0.5 * jnp.log(2 * jnp.pi * jnp.e) + jnp.log(deviation)).sum(axis=-1)

    def log_prob(self, heads, latent):
        """log π(u | s), shape (B,)."""
        if isinstance(self.actions, Discrete):
            # a mask and no index, because the gradient of indexing is a slow scatter
            chosen = latent[:, None] == jnp.arange(self.actions.size)[None, :]
            return jnp.where(chosen, jax.nn.log_softmax(heads), 0).sum(axis=-1)
        mean, deviation = heads
        density = jax.scipy.stats.norm.logpdf(latent, mean, deviation)
        if self.policy.tanh_correction:  # log |d tanh u / du| = 2 (log 2 - u - softplus(-2u)); the scale is constant
            density -= 2 * (jnp.log(2.0) - latent - jax.nn.softplus(-2 * latent))
        return density.sum(axis=-1)


def _forward(layers: Sequence[tuple[jax.Array, jax.Array]], x):
    for k, (weights, bias) in enumerate(layers):
        x = x @ weights + bias[None, :]
        if k < len(layers) - 1:
            x = jnp.tanh(x)
    return x
