"""The page of ``asyncsim explore``, an app of marimo's. `looking` computes what it shows, `figures` draws."""

import marimo

app = marimo.App(width="full", app_title="asyncsim explore")


@app.cell
def _():
    import html

    import marimo as mo

    from asyncsim import explore, figures
    from asyncsim.cluster import PATTERNS

    _style = """.shown td {white-space: nowrap}
        .shown th:first-child, .shown td:first-child {text-align: left; white-space: normal}
        .shown td:first-child {min-width: 10em; overflow-wrap: anywhere}"""

    def shown(frame, shares=(), **names):
        """A frame as a table, where text is text. shares: columns of percent. names: of its columns, in words."""
        words = frame[[*names]].assign(
            **{key: ["–" if share != share else f"{share:.1%}" for share in frame[key]] for key in shares}
        )
        options = dict(index=False, border=0, na_rep="–", escape=True, classes="shown")
        text = words.rename(columns=names).to_html(
            float_format=lambda x: "never" if x == float("inf") else f"{x:.4g}", **options
        )
        return mo.Html(f'<style>{_style}</style><div style="overflow-x: auto">{text}</div>')

    return PATTERNS, explore, figures, html, mo, shown


@app.cell
def _(explore, mo):
    _request = mo.app_meta().request
    scenario, methods, first = explore.begin(_request.meta["cluster"] if _request else "sqrt")
    return first, methods, scenario


@app.cell
def _(PATTERNS, explore, first, methods, mo):
    def steps(first, *others):
        return sorted({first, *others})

    _decades = [digit * 10.0**power for power in range(-2, 3) for digit in (1, 2, 5)]
    _sizes = [round(digit * 10**power) for power in range(4) for digit in (1, 2, 3, 5)]
    _wide = dict(full_width=True)
    workers = mo.ui.slider(steps=steps(first.workers, *range(1, 21), *range(25, 105, 5)), value=first.workers, **_wide)
    compute = mo.ui.dropdown([explore.AS_IN_FILE, *PATTERNS], value=first.compute, **_wide)
    straggler = mo.ui.slider(steps=[1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0], value=1.0, **_wide)
    as_in_file = mo.ui.checkbox(value=first.communication is None, label="the file's network instead")
    _kappa = 1.0 if first.communication is None else first.communication
    kappa = mo.ui.slider(steps=steps(_kappa, 0.0, *_decades), value=_kappa, **_wide)
    batch_size = mo.ui.slider(steps=steps(first.batch_size, *_sizes), value=first.batch_size, **_wide)
    chosen = mo.ui.multiselect([*methods], value=[*first.methods], **_wide)
    return as_in_file, batch_size, chosen, compute, kappa, straggler, workers


@app.cell
def _(as_in_file, batch_size, chosen, compute, first, html, kappa, mo, scenario, straggler, workers):
    def _asked(words, element, unit=""):
        value = "" if unit is None else f"<b>{element.value:g}{unit}</b>"
        return mo.vstack([mo.Html(f"<span>{words} {value}</span>"), element], gap=0.25)

    mo.sidebar(
        [
            mo.Html(f"<h3>asyncsim explore</h3><p>{html.escape(scenario.settings.title or str(scenario.path))}</p>"),
            mo.vstack(
                [
                    _asked("workers, <i>n</i> =", workers),
                    _asked("compute times, <i>h<sub>i</sub></i>", compute, None),
                    _asked("the slowest worker's times,", straggler, " ×"),
                    _asked("communication, κ =", kappa, " s" + ", not used" * as_in_file.value),
                    *([as_in_file] if first.communication is None else []),
                    _asked("gradients per update, <i>M</i> =", batch_size),
                    _asked("methods", chosen, None),
                ],
                gap=1.25,
            ),
        ],
        width="320px",
    )
    return


@app.cell
def _(as_in_file, batch_size, chosen, compute, explore, html, kappa, methods, mo, scenario, straggler, workers):
    _asked = explore.Asked(
        workers=workers.value,
        compute=compute.value or explore.AS_IN_FILE,
        straggler=straggler.value,
        communication=None if as_in_file.value else kappa.value,
        batch_size=batch_size.value,
        methods=tuple(chosen.value),
    )
    try:
        looked, _wrong = explore.look(scenario, methods, _asked), "Choose a method." if not chosen.value else ""
    except ValueError as error:
        looked, _wrong = None, f"{error}"
    mo.stop(_wrong != "", mo.callout(mo.Html(html.escape(_wrong)), kind="warn"))
    return (looked,)


@app.cell
def _(html, looked, mo, shown):
    _lines = [f"{label}: {why}" for label, why in looked.without.items()] + [*looked.notes]
    mo.vstack(
        [
            mo.md("## Seconds per update, and waste"),
            shown(
                looked.table,
                shares=("useful", "communicating", "idle", "wasted"),
                method="method",
                updates="updates simulated",
                seconds_per_update="seconds per update",
                relation="is",
                by_theory="by theory, s",
                at_most="bound, s",
                gradients_per_second="gradients per second",
                useful="useful",
                communicating="communicating",
                idle="idle",
                wasted="wasted",
            )
            if len(looked.table)
            else mo.md("No method could be simulated."),
            mo.Html(
                "<small>Per update: simulated; by formula, exact (=), at most (&lt;=) or on average (~); and theory's "
                "bound on a round. Useful, communicating and idle are shares of all workers' time; wasted is the share "
                "of computing time that went into cancelled and discarded gradients. Nothing is trained here: "
                "seconds per update do not say which method learns fastest.</small>"
            ),
            *(mo.callout(mo.Html(html.escape(line)), kind="warn") for line in _lines),
        ]
    )
    return


@app.cell
def _(figures, looked, mo):
    _pictures = [figures.gantt(timeline) for timeline in looked.timelines.values()]
    _pictures += [figures.utilisation(looked.timelines)] if looked.timelines else []
    mo.vstack(
        [
            mo.md("## Who does what, and when"),
            mo.hstack([mo.image(figures.png(each), width=560) for each in _pictures], wrap=True, justify="start"),
        ]
    )
    return


@app.cell
def _(chosen, mo):
    counts = mo.ui.dictionary({label: mo.ui.number(start=0, step=1, value=0, label="") for label in chosen.value})
    return (counts,)


@app.cell
def _(mo):
    epsilon = mo.ui.number(start=1e-3, value=0.1, step=1e-3)
    constants = mo.ui.dictionary(
        {key: mo.ui.number(start=0.0, value=1.0, step=0.01, label="") for key in ("sigma", "L_g", "L_h", "Delta")}
    )
    return constants, epsilon


@app.cell
def _(counts, explore, html, looked, mo, shown):
    _known = {label: count for label, count in counts.value.items() if count}
    mo.vstack(
        [
            mo.md("## Seconds to a target, from updates that you counted"),
            mo.Html(
                "How many updates does each method take to your target? You may know it from a training run; here it "
                "is not computed. 0: not known."
            ),
            mo.hstack(
                [
                    mo.vstack([mo.Html(f"<small>{html.escape(label)}</small>"), counts[label]], gap=0)
                    for label in counts.value
                ],
                wrap=True,
                justify="start",
            ),
            shown(
                explore.predicted(looked, _known),
                method="method",
                updates="updates, by you",
                seconds_per_update="seconds per update, simulated",
                seconds="seconds to the target",
            ),
        ]
    )
    return


@app.cell
def _(constants, epsilon, explore, html, looked, mo, shown):
    _inputs = [("ε", epsilon), *zip(("σ", "L<sub>g</sub>", "L<sub>h</sub>", "Δ"), constants.elements.values())]
    _names = ("method", "computing", "communicating", "total")
    try:
        _updates = explore.updates_by_theory(looked, epsilon.value, constants.value)
        _steps = shown(
            explore.predicted(looked, _updates),
            method="method",
            updates="updates, by theory",
            seconds_per_update="seconds per update, simulated",
            seconds="seconds to ‖∇J‖ ≤ ε",
        )
        _frame, _best = explore.rows_to_epsilon(looked, epsilon.value, constants.value)
        _said = f"With these constants theory's best M of Rennala NIGT is {_best:g}." if _best == _best else ""
        _rows = shown(_frame, **dict(zip(_names, ("method", "computing, s", "communicating, s", "total, s"))))
        _found = [
            _steps,
            mo.Html(
                f"<p>{_said}</p>The paper's tables, in which constants and logs are dropped; Synchronous NIGT and "
                "AFedPG take at least as long, and so does any method as the lower bound:"
            ),
            _rows,
        ]
    except ValueError as error:
        _found = [mo.callout(mo.Html(html.escape(f"{error}")), kind="warn")]
    mo.vstack(
        [
            mo.md("## Seconds to ε, from theory's bounds"),
            mo.callout(
                mo.Html(
                    "These constants are yours: they were not measured, and 1 is what no real problem has. Theory's "
                    "updates are those of a guarantee for the worst case, so this is no prediction of a training run. "
                    "<code>asyncsim bounds --measured</code> measures them on a problem, and "
                    "<code>asyncsim advise</code> trains."
                ),
                kind="info",
            ),
            mo.hstack(
                [mo.vstack([mo.Html(f"<i>{name}</i>"), element], gap=0) for name, element in _inputs],
                wrap=True,
                justify="start",
            ),
            *_found,
        ]
    )
    return


if __name__ == "__main__":
    app.run()
