"""The store of curves: what was kept is found, all of it or nothing, whatever happens to the process or to the file."""

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from asyncsim.cli import main
from asyncsim.store import Store, default_home

ABOUT = {"problem": {"class": "problems.Table"}, "update": {"class": "updates.NIGT"}, "seed": 0, "step_size": 0.5}
ABOUT |= {"updates": 4}
KILLS = int(os.environ.get("ASYNCSIM_KILLS", 20))  # of a process that writes


def filled(home, keys=("a", "b")):
    """A store with two rows and a checkpoint of each lane."""
    store = Store(home)
    for key in keys:
        store.keep(key, ABOUT, {b"0": b"row 0", b"2": b"row 2"}, b"2", b"checkpoint 2")
    return store


def changed(store, statement, *values):
    """Change the database behind the store's back."""
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def test_what_was_kept_is_found(tmp_path):
    store = Store(tmp_path / "not" / "there" / "yet")
    assert store.rows("a") == {} and list(store.checkpoints("a")) == [] and store.checkpoint("a", b"2") is None
    assert not list(tmp_path.iterdir())  # reading makes nothing
    filled(store.home)
    again = Store(store.home)
    assert again.rows("a") == {b"0": b"row 0", b"2": b"row 2"} and again.rows("c") == {}
    assert list(again.checkpoints("a")) == [b"2"] and again.checkpoint("a", b"2") == b"checkpoint 2"
    assert again.checkpoint("a", b"0") is None

    again.keep("a", ABOUT | {"updates": 8}, {b"8": b"row 8"}, b"8", b"checkpoint 8", instead=b"2")
    assert store.rows("a") == {b"0": b"row 0", b"2": b"row 2", b"8": b"row 8"}
    assert list(store.checkpoints("a")) == [b"8"] and store.checkpoint("a", b"2") is None
    assert list(store.checkpoints("b")) == [b"2"]  # another lane's is another
    store.keep("a", ABOUT, {}, b"8", b"checkpoint 8", instead=b"8")  # it is the same
    assert store.checkpoint("a", b"8") == b"checkpoint 8"
    store.keep("a", ABOUT, {}, b"9", b"checkpoint 9")  # beside the other
    assert set(store.checkpoints("a")) == {b"8", b"9"} and store.verify() == 0


def test_all_is_kept_or_nothing(tmp_path):
    store = filled(tmp_path)
    with closing(sqlite3.connect(store.path)) as connection:
        full = "BEFORE DELETE ON contents BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        connection.execute(f"CREATE TRIGGER full {full}")
    with pytest.raises(OSError, match="curves.sqlite: disk is full: give another --store, or --no-store"):
        store.keep("a", ABOUT, {b"4": b"row 4", b"6": b"row 6"}, b"6", b"checkpoint 6", instead=b"2")
    assert store.rows("a") == {b"0": b"row 0", b"2": b"row 2"} and list(store.checkpoints("a")) == [b"2"]


@pytest.mark.parametrize("column", ["content", "digest", "prefix", "kind", "key"])
@pytest.mark.parametrize("kind", ["row", "checkpoint"])
def test_what_is_damaged_is_not_used_and_is_counted(tmp_path, kind, column):
    store = filled(tmp_path)
    other = {"content": b"another", "digest": b"another", "prefix": b"4", "kind": "other", "key": "c"}[column]
    where = "WHERE key = 'a' AND prefix = ? AND kind = ?"
    changed(store, f"UPDATE contents SET {column} = ? {where}", other, b"2", kind)
    assert store.verify() == 1
    whole = {b"0": b"row 0", b"2": b"row 2"}
    assert store.rows("a") == ({b"0": b"row 0"} if kind == "row" else whole) and store.rows("b") == whole
    assert store.checkpoint("a", b"4") is None and store.rows("c") == {}
    assert store.checkpoint("a", b"2") == (None if kind == "checkpoint" else b"checkpoint 2")
    store.keep("a", ABOUT, {b"2": b"row 2"}, b"2", b"checkpoint 2")  # computed again
    assert store.rows("a") == whole and store.checkpoint("a", b"2") == b"checkpoint 2"


def test_a_lane_that_is_called_nothing_readable_is_counted_and_shown(tmp_path, capsys):
    store = filled(tmp_path)
    changed(store, "UPDATE lanes SET about = CAST(? AS TEXT) WHERE key = 'a'", b'{"problem": \xff\xfe')
    assert store.verify() == 1 and store.rows("a") == store.rows("b") and len(store.lanes()) == 2
    assert main(["store", "--store", str(tmp_path), "--verify"]) == 1
    assert "1 contents are not as they were written, and are not used" in capsys.readouterr().out


def test_flipped_bytes_are_found_wherever_they_are(tmp_path):
    """Whatever a disk does to the file, what is read is what was written, or there is an error of one line."""
    store = filled(tmp_path, [f"lane {k}" for k in range(40)])
    whole, rng = store.path.read_bytes(), random.Random(0)
    right = {f"lane {k}": store.rows("lane 0") for k in range(40)}
    noticed = 0
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(8):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        store.path.write_bytes(content)
        try:
            for key, rows in right.items():
                assert store.rows(key).items() <= rows.items()
                assert {store.checkpoint(key, prefix) for prefix in store.checkpoints(key)} <= {b"checkpoint 2", None}
            store.lanes()
            noticed += store.verify() > 0
        except OSError as error:
            assert f"{error}".startswith(f"{store.path}: ") and "\n" not in f"{error}"
            noticed += 1
    assert noticed > 30  # the others were in free space, or in what a lane is called


# ---- files and directories that are no store


def complaint(capsys, *arguments):
    """The line of a command that fails."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("asyncsim: ") and said.err.count("\n") == 1
    return said.err


CHAIN = """
seeds = [0]
step_sizes = [0.1]
evaluate_every = 2
[stop]
updates = 4
[cluster]
workers = 2
compute = "sqrt"
communication = 0.5
[problem]
kind = "chain"
[methods.afedpg]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(CHAIN)
    return tmp_path


def files():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("arguments", [["run", "x.toml"], ["store"], ["store", "--verify"], ["store", "--prune", "1"]])
def test_a_file_that_is_no_database_is_one_line(here, capsys, arguments):
    Path("kept").mkdir()
    Path("kept/curves.sqlite").write_text("seed,time\n" * 100)
    before = files()
    line = complaint(capsys, *arguments, "--store", "kept")
    assert "kept/curves.sqlite: file is not a database: give another --store" in line
    assert files() == before


@pytest.mark.parametrize("home", ["x.toml", "x.toml/below", "/proc/store"])
def test_a_directory_that_cannot_be_made_is_one_line_before_anything_is_computed(here, capsys, home):
    before = files()
    line = complaint(capsys, "run", "x.toml", "--store", home)
    assert f"{home}: " in line and line.endswith("give another --store, or --no-store\n")
    assert files() == before


@pytest.fixture
def nobody():
    """A directory that we may read and not write."""
    with tempfile.TemporaryDirectory() as home:
        yield Path(home)
        if not os.getuid():
            os.seteuid(0)
        os.chmod(home, 0o755)


def become_nobody(home):
    """Without the right to write there."""
    for path in (*home.iterdir(), home):
        os.chmod(path, 0o555 if path.is_dir() else 0o444)
    if not os.getuid():  # who may write everywhere
        os.seteuid(65534)


def test_an_empty_directory_that_may_not_be_written_is_one_line(nobody):
    become_nobody(nobody)
    with pytest.raises(OSError, match=f"{nobody}/curves.sqlite: .*: give another --store, or --no-store"):
        Store(nobody).check()
    assert Store(nobody).rows("a") == {} and Store(nobody).verify() == 0


def test_a_store_that_may_only_be_read_is_read(nobody):
    filled(nobody)
    become_nobody(nobody)
    store = Store(nobody)
    store.check()
    assert store.rows("a") == {b"0": b"row 0", b"2": b"row 2"} and store.checkpoint("a", b"2") == b"checkpoint 2"
    assert store.verify() == 0 and len(store.lanes()) == 2
    with pytest.raises(OSError, match="curves.sqlite: .*: give another --store, or --no-store"):
        store.check(writing=True)
    with pytest.raises(OSError, match="curves.sqlite: .*: give another --store, or --no-store"):
        store.keep("a", ABOUT, {}, b"4", b"checkpoint 4")
    with pytest.raises(OSError, match="curves.sqlite: .*: give another --store"):
        store.prune(0)


# ---- several processes, and kills

WRITER = """
import sys
from pathlib import Path
from asyncsim.store import Store

assert "jax" not in sys.modules
home, name, count = sys.argv[1:]
store, done, k = Store(Path(home)), None, 0
while k != int(count):
    for lane in ("common", name):
        rows = {b"%d" % k: b"row %d" % k, b"%d more" % k: b"row %d" % k * 500}
        store.keep(lane, {"updates": k}, rows, b"%d" % k, b"checkpoint %d" % k * 5000, done)
    done, k = b"%d" % k, k + 1
    print(k, flush=True)
"""


def writer(home, name, count):
    """A process that writes to its own lane, and to one that others write to."""
    command = [sys.executable, "-c", WRITER, str(home), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_several_processes_write_at_once(tmp_path):
    processes = [writer(tmp_path, f"{k}", 30) for k in range(4)]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert not process.returncode, said
    store = Store(tmp_path)
    assert store.verify() == 0 and len(store.lanes()) == 5
    rows = {b"%d" % k: b"row %d" % k for k in range(30)} | {b"%d more" % k: b"row %d" % k * 500 for k in range(30)}
    for lane in ("common", *"0123"):
        assert store.rows(lane) == rows and list(store.checkpoints(lane)) == [b"29"]
        assert store.checkpoint(lane, b"29") == b"checkpoint 29" * 5000


def test_a_kill_at_any_moment_leaves_whole_transactions(tmp_path):
    store, rng = Store(tmp_path), random.Random(0)
    for kill in range(KILLS):
        process = writer(tmp_path, f"{kill}", -1)
        assert process.stdout.readline(), process.stderr.read()
        time.sleep(rng.random() * 0.05)
        process.kill()
        told, _ = process.communicate()
        assert store.verify() == 0
        rows, (prefix,) = store.rows(f"{kill}"), store.checkpoints(f"{kill}")
        last = int(prefix)
        assert last + 1 >= 1 + told.count("\n")  # what was said to be kept is
        assert rows.keys() == {b"%d" % k for k in range(last + 1)} | {b"%d more" % k for k in range(last + 1)}
        assert store.checkpoint(f"{kill}", prefix) == b"checkpoint %d" % last * 5000


def test_a_process_waits_while_another_writes(tmp_path):
    store = filled(tmp_path)
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        process = writer(tmp_path, "waiting", 1)
        time.sleep(1.0)
        assert process.poll() is None
        connection.rollback()
    assert process.communicate(timeout=60)[0] == "1\n"


# ---- for people


def test_old_lanes_are_forgotten(tmp_path):
    store = filled(tmp_path)
    day = 86400
    changed(store, "UPDATE lanes SET written = written - ? WHERE key = 'a'", 10 * day)
    assert store.prune(11) == 0 and len(store.lanes()) == 2
    assert store.prune(9) == 1 and store.rows("a") == {} and list(store.checkpoints("a")) == [] and store.rows("b")
    store.keep("a", ABOUT, {b"0": bytes(10**6)}, b"0", bytes(10**6))
    large = store.path.stat().st_size
    assert store.prune(0) == 2 and store.path.stat().st_size < large / 10  # its space is free
    assert not len(store.lanes()) and store.prune(0) == 0
    assert Store(tmp_path / "none").prune(0) == 0 and not (tmp_path / "none").exists()


def test_what_is_kept_is_shown(tmp_path, capsys):
    store = Store(tmp_path)
    environment = {"class": "asyncsim.rl.mujoco.MuJoCo", "name": "Humanoid-v4"}
    problems = {
        "PolicyGradient Humanoid-v4": {"class": "asyncsim.problems.PolicyGradient", "environment": environment},
        "PolicyGradient CartPole": {"class": "a.PolicyGradient", "environment": ["tuple", {"class": "a.CartPole"}]},
        "Mine[bold]:smile:": {"class": "mine.Mine[bold]:smile:", "environment": None},
    }
    for problem in problems.values():
        for seed in range(3):
            for step_size in (0.5, 0.25):
                about = ABOUT | {"problem": problem, "seed": seed, "step_size": step_size, "updates": 10 * seed}
                store.keep(f"{problem}{seed}{step_size}", about, {b"0": bytes(100_000)}, b"0", bytes(100_000))
    assert main(["store", "--store", str(tmp_path)]) == 0
    head, _, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["problem", "update", "lanes", "seeds", "step", "sizes", "updates", "MB", "written"]
    assert max(map(len, (head, *rows))) <= 100
    for words, row in zip(problems, rows, strict=True):
        assert row.startswith(f"{words} ")
        assert row.removeprefix(words).split()[:6] == ["NIGT", "6", "3", "2", "20", "1.2"]
    assert last.startswith(f"{store.path}: 18 lanes, ") and last.endswith(" MB")

    assert main(["store", "--store", str(tmp_path), "--verify", "--prune", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["forgot 0 lanes", "all is as it was written"]
    assert main(["store", "--store", str(tmp_path), "--prune", "0"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "forgot 18 lanes" and said[-1].startswith(f"{store.path}: 0 lanes, 0.0 MB")


def test_an_empty_store(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_home() == tmp_path / "asyncsim" / "store"
    assert main(["store", "--verify", "--prune", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{default_home() / 'curves.sqlite'}: 0 lanes, 0.0 MB"
    assert not list(tmp_path.iterdir())
    assert complaint(capsys, "store", "--prune", "-1")


def test_contents_have_digests_of_their_own(tmp_path):
    """What `verify` relies on: of a lane's key, its kind and prefix, too, so that nothing changes its place."""
    store = filled(tmp_path)
    with closing(sqlite3.connect(store.path)) as connection:
        found = connection.execute("SELECT DISTINCT digest FROM contents").fetchall()
    assert len(found) == 6 and {len(digest) for (digest,) in found} == {hashlib.sha256().digest_size}
