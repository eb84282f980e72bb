"""Shared by updates: the normalised direction, and the checks of α and η."""

from __future__ import annotations


def unit(direction):
    """d/‖d‖ over the whole vector, shape (d,); zero where ‖d‖ = 0."""
    norm = (direction @ direction) ** 0.5
    return direction / (norm + (norm == 0))


def check_step_size(step_size: float) -> None:
    """Raises ValueError unless α is finite and > 0."""
    if not 0 < step_size < float("inf"):
        raise ValueError(f"step_size={step_size!r} is no step size: give a finite number > 0")


def check_momentum(momentum: float) -> None:
    """Raises ValueError unless η is in (0, 1]."""
    if not 0 < momentum <= 1:
        raise ValueError(
            f"momentum={momentum!r} is outside (0, 1]: give the weight of the new gradient, 1 for no memory"
        )
