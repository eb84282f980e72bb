"""`asyncsim calibrate`: a log in, a cluster and pictures out; the two made logs are given back."""

import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import complaint, files
from pages import check_tables
from scipy import stats

from asyncsim import figures, results, scenario
from asyncsim.calibration import LEVEL, calibrate, checking, fits
from asyncsim.cli import main
from asyncsim.cluster import Exponential, Fixed, LogNormal, Straggling, stream
from asyncsim.logs import Reading, parse_log, read_log

LOGS = Path(__file__).parents[2] / "experiments" / "logs"
REST = """
seeds = [0]
step_sizes = [0.1]
[stop]
updates = 3
[problem]
kind = "chain"
[methods.afedpg]
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fits, "RESAMPLES", 19)
    monkeypatch.setattr(checking, "REPEATS", 3)


def csv_of(times, jobs=40):
    rows = (
        f"{name},{seconds!r}\n" for name, time in times.items() for seconds in time.draw(stream(0, 0), jobs).tolist()
    )
    return "host,seconds\n" + "".join(rows)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text(csv_of({"b": Exponential(2.0), "a": Fixed(3.0), "slow": LogNormal(20.0, 0.2)}))
    return tmp_path


def test_what_is_written_is_a_scenarios_cluster(here, capsys):
    assert main(["calibrate", "log.csv", "-o", "c.toml", "--workers", "5"]) == 0
    said = capsys.readouterr()
    assert said.err == "" and "wrote:\n  c.toml\n  c.png\n  c.svg\n" in said.out
    assert "120 jobs of 3 workers" in said.out and "Slow workers, by their medians: slow (" in said.out
    check_tables()
    assert "synchronous round, mean of 13" in said.out and "The cluster has 5 workers" in said.out
    text = Path("c.toml").read_text()
    data = tomllib.loads(text)
    assert list(data) == ["cluster"] and list(data["cluster"]) == ["compute"]
    Path("s.toml").write_text(REST + text)
    expected = calibrate(read_log("log.csv"), workers=5)
    assert scenario.load("s.toml").cluster == expected.cluster
    assert expected.cluster.compute[0] == 3.0 and expected.cluster.workers == 5
    assert '3.0,  # 0: "a", 27 jobs' in text and '# From "log.csv", sha256 ' in text and '# 3: as "' in text
    ElementTree.parse("c.svg")
    before = files(here)
    assert main(["calibrate", "log.csv", "-o", "c.toml", "--workers", "5"]) == 0
    assert files(here) == before and "replaced:\n" in capsys.readouterr().out  # the same bytes


def test_nothing_is_written_unless_it_is_asked_for(here, capsys):
    before = files(here)
    assert main(["calibrate", "log.csv", "--held-out", "0"]) == 0
    assert files(here) == before and "Nothing was held out" in capsys.readouterr().out


def test_what_fails_or_is_not_checked_is_said(here, capsys):
    rising = "".join(f"a,{1 + k / 20 + (k % 7) / 50}\n" for k in range(60))
    Path("log.csv").write_text("host,seconds\n" + rising + "".join(f"b,{1 + k / 9}\n" for k in range(6)))
    assert main(["calibrate", "log.csv", "--held-out", "0.15", "-o", "c.toml"]) == 0
    said = capsys.readouterr().out
    assert "The check fails: the synchronous round and the time to so many jobs, as observed, are outside" in said
    assert "Not checked, with too few jobs for one to be held out: b." in said and "] s " in said
    text = Path("c.toml").read_text()
    assert text.count("; drifts by +") == 1 and "over the log, and this is of its first part\n" in text
    assert "No jobs" not in text and "66 jobs of 2 workers; not fitted to the last 15 % of each.\n" in text
    Path("log.csv").write_text("host,seconds\n" + rising)
    assert main(["calibrate", "log.csv", "--held-out", "0", "-o", "c.toml"]) == 0
    text = Path("c.toml").read_text()
    assert "# 60 jobs of 1 worker.\n" in text and "over the log, and this is an average\n" in text


def test_a_made_log_is_found_outside_of_a_checkout(here, capsys):
    assert main(["calibrate", "experiments/logs/sacct.txt", "--held-out", "0"]) == 0
    assert "831 jobs of 16 workers" in capsys.readouterr().out
    assert "experiments/none.txt: no such file" in complaint(capsys, "calibrate", "experiments/none.txt")


def test_every_distribution_is_written_so_that_it_is_read_back(tmp_path):
    times = {f.component.__name__: f for f in fits.FAMILIES}
    samples = {"Exponential": Exponential(2.0), "Straggling": Straggling(2.0, 0.1, 0.1, 4.0)}
    found = calibrate(parse_log(csv_of(samples, 200).encode()), held_out=0)
    assert {type(each.time).__name__ for each in found.fits} == set(samples) <= set(times)
    (tmp_path / "s.toml").write_text(REST + results.cluster_text(found, []))
    assert scenario.load(tmp_path / "s.toml").cluster == found.cluster


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["none.csv"], "none.csv: no such file: give a log"),
        (["."], ".: a folder: give a log"),
        (["empty.csv"], "empty.csv: empty: give"),
        (["short.csv"], "short.csv: no worker has 5 jobs to be fitted to: the most are 2: give a longer log"),
        (["five.csv"], "to be fitted to: the most are 5, of which 1 is held out: give --held-out 0, or"),
        (["[x].csv"], "a CSV file or sacct's output, or --format csv for a table that begins with '['"),
        (["log.csv", "--unit", "parsec"], "log.csv: unit='parsec' is unknown"),
        (["log.csv", "--worker-column", "hots"], "worker='hots' is no column: did you mean 'host'?"),
        (["log.csv", "--format", "ray"], "no trace in JSON, as format='ray' asks for"),
        (["log.csv", "--held-out", "1"], "'--held-out': Input should be less than or equal to 0.9"),
        (["log.csv", "--workers", "0"], "--workers"),
        (["log.csv", "-o", "log.csv"], "log.csv: give a file name that ends in .toml"),
        (["log.csv", "-o", "no/c.toml"], "there is no directory 'no'"),
        (["log.csv", "-o", "other.toml"], "other.toml is there and is not of `asyncsim calibrate`"),
        (["log.csv", "-o", "pictured.toml"], "pictured.png is there and is not of"),
        ([str(LOGS / "ray.json")], "events of several names, 'task::rollout' (450), 'task::learn' (75): say which are"),
    ],
)
def test_what_is_wrong_is_one_line(here, capsys, arguments, line):
    Path("empty.csv").touch()
    Path("short.csv").write_text("host,seconds\na,1\na,2\n")
    Path("five.csv").write_text("host,seconds\n" + 5 * "a,1\n")
    Path("[x].csv").write_text("[x],seconds\na,1\n")
    Path("other.toml").write_text("[cluster]\n")
    Path("pictured.png").touch()
    assert line in complaint(capsys, "calibrate", *arguments)


def test_names_of_hosts_are_text(here, capsys, monkeypatch):
    names = ['"],\n[x]\ny = [1', "[red]a[/]", "../b", "$x^2$ <b>&", "# é"]
    cells = {'"' + name.replace('"', '""') + '"': Exponential(1.0) for name in names}
    Path("log.csv").write_text(csv_of(cells, 20))
    drawn = []
    draw = figures.fits
    monkeypatch.setattr(figures, "fits", lambda found: drawn.append(draw(found)) or drawn[-1])
    Path("c.toml").write_text("[another]\n")
    assert main(["calibrate", "log.csv", "-o", "c.toml", "--force"]) == 0
    said = capsys.readouterr().out
    data = tomllib.loads(Path("c.toml").read_text())
    assert list(data) == ["cluster"] and len(data["cluster"]["compute"]) == 5
    written = "".join(text.get_text() for text in drawn[0].findobj(lambda artist: hasattr(artist, "get_text")))
    for name in names:
        shown = name.replace("\n", "\ufffd")
        assert shown in said and shown in written
    assert {path.name for path in here.iterdir()} == {"log.csv", "c.toml", "c.png", "c.svg"}


def test_a_panel_per_worker_or_quantiles_of_many():
    few = fits.fit_all([(f"n{i}", Exponential(2.0).draw(stream(0, i), 20)) for i in range(5)])
    many = fits.fit_all([(f"n{i}", Exponential(2.0 + i).draw(stream(0, i), 20)) for i in range(13)])
    shown = [axes for axes in figures.fits(few).axes if axes.get_visible()]
    assert [axes.get_title(loc="left").split("\n")[0] for axes in shown] == [each.worker for each in few]
    (axes,) = figures.fits(many).axes
    marks = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 5]
    medians = sorted(each.median for each in many)
    assert len(marks) == 13 and len(axes.get_xticks()) == 13
    assert axes.collections[0].get_segments()[-1][1][1] > medians[-1]


# ---- the logs under experiments/logs


@pytest.fixture(scope="module")
def make():
    spec = spec_from_file_location("make", LOGS / "make.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_made_logs_are_what_their_script_makes(make, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "HERE", tmp_path)
    make.write()
    for name in ("sacct.txt", "ray.json"):
        assert (LOGS / name).stat().st_size < 125_000
        assert (tmp_path / name).read_bytes() == (LOGS / name).read_bytes()


def test_the_made_logs_give_back_their_clusters(make):
    slurm = calibrate(read_log(LOGS / "sacct.txt"))
    ray = calibrate(read_log(LOGS / "ray.json", Reading(event="task::rollout")))
    assert [name for name, _ in slurm.slow_workers] == ["gpu-a07"] and not ray.slow_workers
    assert [name for name, _ in slurm.drifting] == [make.DRIFTING] and not ray.drifting
    assert (slurm.check["error"].abs() < 0.15).all() and (ray.check["error"].abs() < 0.15).all()
    pairs = [(fit, make.NODES[fit.worker]) for fit in slurm.fits if fit.worker != make.DRIFTING]
    pairs += list(zip(ray.fits, make.WORKERS.values()))
    inside = [
        low <= getattr(time, key) <= high
        for fit, time in pairs
        if type(fit.time) is type(time)
        for key, (low, high) in fit.intervals.items()
    ]
    assert len(inside) > 40 and sum(inside) >= stats.binom.ppf(1e-5, len(inside), LEVEL)


def test_it_needs_no_jax(here):
    code = (
        "import sys; from asyncsim.cli import main; assert main(['calibrate', 'log.csv', '--held-out', '0']) == 0;"
        "assert not {'jax', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
