"""Runs a policy in Gymnasium's own environments."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import jax
import numpy as np

from asyncsim.base import nearest

from .environments import ENVIRONMENTS, MUJOCO
from .makers import PREFIX
from .policies import PolicyNetwork


def check_playable(environment: str) -> None:
    """Raises ValueError unless Gymnasium has the environment."""
    known = [*ENVIRONMENTS, *MUJOCO]
    if environment not in known and not environment.startswith(PREFIX):
        raise ValueError(f"environment={environment!r} is none that Gymnasium has: {nearest(environment, known)}")


def play(
    environment: str,
    policy: PolicyNetwork,
    params: np.ndarray,
    horizon: int,
    episodes: int,
    film: bool = False,
    keywords: Mapping[str, Any] = {},
) -> tuple[np.ndarray, list[np.ndarray], float]:
    """Undiscounted returns of episodes of at most ``horizon`` steps, shape (episodes,), and a film of the first.

    Actions are drawn from the policy, as in training; all that is random in episode k has k as its seed.
    film: whether to record the first episode. keywords: of ``gymnasium.make``.
    Returns also the film's frames, (height, width, 3) each, and how many there are in a second.
    Raises ValueError where they cannot be drawn.
    """
    act, layers = _actor(policy), policy.layers(params[: policy.size])  # a critic's follow
    world = _world(environment, horizon, film, keywords)
    lowest = getattr(world.action_space, "start", None)  # of discrete actions
    returns, frames = np.zeros(episodes), []
    for episode in range(episodes):
        noise = np.asarray(policy.noise(jax.random.key(episode), horizon))
        observation, _ = world.reset(seed=episode)
        for t in range(horizon):
            if film and episode == 0:
                frames.append(world.render())
            action = np.asarray(act(layers, observation.astype(params.dtype), noise[t]))
            observation, reward, terminated, truncated, _ = world.step(
                action if lowest is None else action.item() + int(lowest)
            )
            returns[episode] += reward
            if terminated or truncated:
                break
    world.close()
    return returns, frames, float(world.metadata.get("render_fps", 30))


def _actor(policy: PolicyNetwork) -> Any:
    """The action for one observation, from the noise of one step."""

    @jax.jit
    def act(layers, observation, noise):
        return policy.action(policy.sample(policy.heads(layers, observation[None]), noise[None]))[0]

    return act


def _world(environment: str, horizon: int, film: bool, keywords: Mapping[str, Any]) -> Any:
    import gymnasium

    if film and environment in MUJOCO and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", "egl")  # without a display MuJoCo's default aborts the process
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of -v4, which the paper has
        shown = "rgb_array" if film else None
        id, limit = environment.removeprefix(PREFIX), None if environment.startswith(PREFIX) else horizon
        options = {"max_episode_steps": limit, "render_mode": shown, "disable_env_checker": True}
        world: Any = gymnasium.make(id, **options | {**keywords})
    if not isinstance(world.observation_space, gymnasium.spaces.Box) or len(world.observation_space.shape) != 1:
        world = gymnasium.wrappers.FlattenObservation(world)
    if film:
        _check_canvas(environment, world)
    return world


def _check_canvas(environment: str, world: Any) -> None:
    """Raises ValueError where no frame can be drawn, for whatever reason of pygame, OpenGL, EGL, ..."""
    try:
        if environment in MUJOCO and (library := os.environ.get("MUJOCO_GL")):  # or else Gymnasium complains at exit
            import_module(f"mujoco.{library}").GLContext(8, 8).free()
        world.reset(seed=0)
        world.render()
    except Exception as error:
        hint = "pip install 'gymnasium[classic-control]'"
        if environment in MUJOCO:
            hint = "set MUJOCO_GL=egl or osmesa, as far as their libraries are installed"
        raise ValueError(f"{environment} cannot be drawn here: {type(error).__name__}: {error}: {hint}") from error
