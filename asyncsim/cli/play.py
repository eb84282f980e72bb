"""``asyncsim play``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .comparisons import axis_value
from .terminal import console, number, numbers, steps, table, texts


def play(
    directory: Annotated[Path, typer.Argument(help="Results of `asyncsim run --policies`.")],
    method: Annotated[str | None, typer.Option(help="Only this one of its methods.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="Only the policy of this seed.", show_default=False)] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Of each policy.")] = 16,
    video: Annotated[
        Path | None,
        typer.Option(
            "--video", "-o", help="Film an episode of the best of them: a .gif or .mp4 file.", show_default=False
        ),
    ] = None,
):
    """Play trained policies in Gymnasium itself, and show their returns beside the recorded ones."""
    from .. import results
    from ..experiment.playing import best_of, kept_policies, played
    from ..scenario import ScenarioError

    policies = kept_policies(directory, method, seed)
    if video is not None:
        results.check_video(video)
    filmed = best_of(policies) if video is not None else None
    headings = numbers(*policies[0].point, "seed", "updates", "recorded", "in Gymnasium", "±")
    shown, film = table(f"{directory}", texts("method"), *headings), None
    try:
        every = played(policies, episodes, filmed)
        for policy, returns, frames, rate in steps("playing", every, len(policies)):
            film = (frames, rate) if frames else film
            recorded = float("nan") if policy.eval_return is None else policy.eval_return
            values = map(axis_value, policy.point.values())
            cells = number(recorded), number(returns.mean()), number(returns.std())
            shown.add_row(policy.method, *values, policy.seed, policy.updates, *cells)
    except ScenarioError as error:
        raise ScenarioError(f"{directory}: {error}") from error.__cause__
    out = console()
    out.print(shown)
    out.print(
        f"Mean return, and its standard deviation over {episodes} episodes. recorded: as it was evaluated in training, "
        "in the environment here.",
        soft_wrap=True,
    )
    if video is not None and film is not None:
        results.save_video(video, *film)
        out.wrote("wrote", video)
