"""The page of `asyncsim explore` as a program and as a server, without a browser (see tests/cli/test_in_browser.py)."""

import http.client
import sys
import threading
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from asyncsim.cli import main


def test_without_marimo_one_line_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", None)
    assert main(["explore"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "pip install 'asyncsim[explore]'" in said.err


def test_what_is_wrong_with_the_file_is_told_before_anything_is_served(capsys):
    assert main(["explore", "none.toml"]) == 2
    assert "none.toml: no such file" in capsys.readouterr().err


def test_the_cells_run():
    pytest.importorskip("marimo", reason="marimo is not installed: pip install 'asyncsim[explore]'")
    from asyncsim.explore.page import app

    outputs, defined = app.run()
    shown = "".join(getattr(output, "text", "") for output in outputs)
    assert "rennala_nigt" in shown and "<table" in shown and shown.count("<img") == 5  # four Gantt charts, utilisation
    assert "they were not measured" in shown
    assert list(defined["looked"].timelines) == list(defined["first"].methods)


def test_only_this_machine_and_only_with_the_token_is_served(monkeypatch):
    pytest.importorskip("marimo", reason="marimo is not installed: pip install 'asyncsim[explore]'")
    import uvicorn

    from asyncsim import explore

    servers, addresses, there = [], [], threading.Event()
    monkeypatch.setattr(uvicorn.Server, "install_signal_handlers", lambda self: None, raising=False)
    serves = uvicorn.Server.run
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: (servers.append(self), serves(self, sockets))[1])
    thread = threading.Thread(
        target=explore.serve, args=("sqrt", 0, lambda address: (addresses.append(urlsplit(address)), there.set()))
    )
    thread.start()
    assert there.wait(60)

    def status(path, host="localhost"):
        with closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
            connection.request("GET", path, headers={"Host": host})
            with connection.getresponse() as response:
                return response.status

    (address,) = addresses
    try:
        assert address.hostname == "127.0.0.1"
        assert status("/", "evil.example") == 400 == status(f"/?{address.query}", "evil.example")
        assert status("/") in (303, 401) and status(f"/?{address.query}") in (200, 303)
        with pytest.raises(OSError, match="give another --port"):
            explore.serve("sqrt", address.port, print)
    finally:
        servers[0].should_exit = True
        thread.join(60)
    assert not thread.is_alive()
