"""The constants that ``asyncsim bounds`` puts into formulas: given, measured, or 1."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

from .terminal import Cell, number, numbers, table, texts, waiting


def can_measure(point: Any) -> bool:
    """Whether gradients come from trajectories; of a quadratic they do not, which stands in for a missing [problem]."""
    return point.settings.problem.kind != "quadratic"


@dataclass(frozen=True)
class Known:
    """The constants that formulas take, ε, and what was measured: constants as a frame, and the run's points.

    measurable: whether they can be measured.
    """

    constants: dict[str, float]
    epsilon: float
    how: str
    measurable: bool
    measurements: tuple[Any, Any] | None = None

    @classmethod
    def taken(cls, given: dict[str, float | None], epsilon: float | None, measurable: bool) -> Known:
        """What was given, and 1."""
        constants = {key: 1.0 if value is None else value for key, value in given.items()}
        how = "given" if None not in given.values() else "not measured, and 1 where they are not given"
        return cls(constants, 0.1 if epsilon is None else epsilon, how, measurable)

    @classmethod
    def measured(cls, point: Any, epsilon: float | None) -> Known:
        """Along a training run; ε, if it is not given, is the least ‖∇J‖ there that is told from 0."""
        if not can_measure(point):
            raise ValueError(
                "there is no [problem] to measure on, whose gradients come from trajectories: give a policy gradient "
                "or a table, or leave out --measured"
            )
        from ..methods import rennala_nigt
        from ..validation.gradients import is_told, least_norm, measured_along
        from .compiling import keep_compiled

        keep_compiled()
        label = next((label for label in point.methods if label.startswith("rennala")), [*point.methods][0])
        size = getattr(point.methods[label].rule, "batch_size", point.cluster.workers)
        grid = sorted(point.step_sizes[label])
        with waiting("measuring the constants"):
            constants, points = measured_along(point.problem(), rennala_nigt(size, grid[len(grid) // 2]))
        epsilon = least_norm(points) if epsilon is None else epsilon
        how = "measured" if is_told(points) else "not told"
        return cls(constants.arguments(), epsilon, how, True, (constants.to_frame(), points))

    def tables(self) -> list[Any]:
        """What was measured."""
        if self.measurements is None:
            return []
        constants, points = self.measurements

        def span(low: float, high: float) -> Cell:
            return Cell(f"{low:.3g} to {high:.3g}", [low, high])

        first = table("Measured constants", texts("constant"), *numbers("value", "± error"), texts("how"))
        for row in constants.itertuples():
            error = number(row.standard_error or nan, "{:.2g}")
            first.add_row(row.constant, number(row.value), error, row.how)
        headings = numbers("update", "‖∇J‖²", "interval of ‖∇J‖²", "σ²", "interval of σ²", "J")
        second = table("Along a training run (intervals: 95 %)", *headings)
        for row in points.itertuples():
            second.add_row(
                row.update,
                number(row.squared_norm, "{:.3g}"),
                span(row.squared_norm_low, row.squared_norm_high),
                number(row.variance, "{:.3g}"),
                span(row.variance_low, row.variance_high),
                number(row.value),
            )
        return [first, second]
