"""What caps on age come to, in rows and in sentences."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from asyncsim import figures, results
from asyncsim.experiment.staleness import measured, of_log, sentences
from asyncsim.scenario import ScenarioError, load

ROOT = Path(__file__).parents[2]
LOG = ROOT / "experiments" / "staleness" / "rollouts.csv"


@pytest.fixture(scope="module")
def scenario():
    return of_log(LOG, workers=8, update_seconds=5.0, caps=(0, 2), updates=30, slot_speeds=(1.0, 0.9))


def test_a_log_becomes_rows(scenario, tmp_path):
    frame = measured(scenario)
    assert frame["method"].tolist() == ["synchronous_pg", "one_step_off_pg", *["paced_pg"] * 2, *["streaming_pg"] * 2]
    assert frame["cap"].tolist()[2:] == [0, 2, 0, 2] and frame["cap"][:2].isna().all()
    assert frame["speedup"][0] == 1 == frame["speedup"][2]  # a cap of nothing is the synchronous run
    assert frame["speedup"][3] > 1 and (frame["age_max"][2:] <= frame["cap"][2:]).all()
    time = scenario.cluster.compute[0]
    assert time.seconds_per_token == pytest.approx(0.021, rel=0.02) and time.prompt_seconds == pytest.approx(
        0.4, abs=0.3
    )
    assert scenario.cluster.slot_speeds == (1.0, 0.9)
    with results.reserve_staleness(tmp_path / "out", scenario.settings) as verb:
        files = results.save_staleness(tmp_path / "out", scenario.settings, frame, (), sentences(frame))
    assert verb == "wrote" and {file.name for file in files} == {
        "settings.json",
        "sentences.txt",
        "staleness.csv",
        "staleness.png",
        "staleness.svg",
    }
    again = results.load_settings(tmp_path / "out")["scenario"]
    assert again == results.as_data(scenario.settings)


def test_a_batch_that_is_no_multiple_of_the_workers_has_no_rounds():
    found = of_log(LOG, workers=8, update_seconds=5.0, batch_size=12)
    assert list(found.methods) == ["paced_pg", "streaming_pg"]
    twice = of_log(LOG, workers=8, update_seconds=5.0, batch_size=16)
    assert twice.methods["synchronous_pg"].rule.jobs_each == 2


def rows(method, caps, rates, held, wasted):
    rates = np.asarray(rates, float)
    return pd.DataFrame(
        dict(method=method, cap=caps, samples_per_second=rates, speedup=rates, bound_by_rule=held)
        | dict(wasted_share=wasted, long_used=0.05, long_asked=0.1, training=0.5, age_mean=1.0)
    )


def test_sentences_say_what_the_rows_say():
    frame = pd.concat(
        [
            rows("plain", [np.nan], [1.0], [1.0], [0.0]),
            rows("a", [0, 1, 2, 4], [1.0, 1.5, 1.6, 1.6], [1.0, 0.5, 0.2, 0.0], [0.3, 0.1, 0.03, 0.0]),
            rows("b", [0, 1], [1.0, 2.0], [1.0, 0.25], [0.0, 0.5]),
            rows("c", [0, 1], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0]),
        ]
    )
    told = sentences(frame)
    assert told[0] == (
        "a: a cap of 2 buys 1.6 times the samples per second of plain, discards 3 % of the computing, has 5 % long "
        "rollouts among the used ones and 10 % among those that were started; beyond 2 nothing binds."
    )
    assert "b: a cap of 1 buys 2 times" in told[1]
    assert told[1].endswith("at 1, the most tried, it holds up 25 % of the updates and discards 50 %.")
    assert "c: a cap of 0 buys 2 times" in told[2] and told[2].endswith("no cap that was tried binds.")
    swept = pd.concat([frame.assign(tau=tau) for tau in (1, 2)])
    assert [line.split(":")[0] for line in sentences(swept, ["tau"])][:2] == ["a, tau 1", "b, tau 1"]
    assert figures.staleness(frame) and figures.staleness(swept[swept["method"] == "b"].assign(cap=np.nan), "tau")


def test_bad_logs_are_one_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("tokens\n5\n9\n")
    for given, line in (
        (dict(workers=2), "no column says how long rollouts took: give seconds_per_token"),
        (dict(workers=3, seconds_per_token=1.0), "2 rollouts are recorded for 3 workers"),
        (dict(workers=2, seconds_per_token=1.0, slot_speeds=(1.0, 2.0)), r"slot_speeds\[1\]=2.0"),
        (dict(workers=2, seconds_per_token=-1.0), "seconds_per_token=-1.0"),
    ):
        with pytest.raises(ScenarioError, match=line) as error:
            of_log(path, update_seconds=1.0, **given)
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(ScenarioError, match="No such file"):
        of_log(tmp_path / "no.csv", workers=2, update_seconds=1.0)


def test_the_guide_says_what_the_log_says():
    page = (ROOT / "notebooks" / "staleness.md").read_text()
    told = sentences(measured(of_log(LOG, workers=32, update_seconds=12.0)))
    quoted = " ".join(line.removeprefix("> ") for line in page.splitlines() if line.startswith("> "))
    assert len(told) == 2 and all(line in quoted for line in told)


def test_theory_stands_beside_the_simulation():
    """One step off: an update takes the larger of its batch's time and the trainer's; and the guide's table says so."""
    page = (ROOT / "notebooks" / "staleness.md").read_text()
    for values, point in load(ROOT / "experiments" / "staleness" / "overlap.toml").points:
        (tau,) = values.values()
        plain, off, stream = (
            point.simulate(label).updates["time"].to_numpy()
            for label in ("synchronous_pg", "one_step_off_pg", "streaming_pg")
        )
        batch = np.diff(plain, prepend=0.0) - tau
        np.testing.assert_allclose(np.diff(off, prepend=batch[0] + tau)[1:], np.maximum(batch, tau)[1:])
        assert stream[-1] / len(stream) >= max(tau, 20.5) * (1 - 1 / len(stream))
        theory = (batch.mean() + tau, np.maximum(batch, tau).mean(), max(tau, 20.5))
        found = [f"{one:.1f}, {times[-1] / len(times):.1f}" for one, times in zip(theory, (plain, off, stream))]
        assert tau in (0.0, 20.0) or f"| {tau:g} | {' | '.join(found)} |" in page
