"""The pages of `asyncsim explore` and `asyncsim report` in a browser without a window: chromium, by Playwright.

It is skipped where one of them is missing; the pages' content is tested without them, too.
"""

import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from hostile_run import LABEL, made

from asyncsim.cli import main

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
if not CHROMIUM:
    pytest.skip("there is no chromium: apt-get install chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")


@contextmanager
def seen(home):
    """A page of a browser that has nothing of a user's, and what it asked for and complained of."""
    with sync_api.sync_playwright() as playwright:
        options = {"executable_path": CHROMIUM, "args": FLAGS, "viewport": {"width": 1400, "height": 1000}}
        browser = playwright.chromium.launch_persistent_context(home, headless=True, **options)
        page, asked, errors = browser.pages[0], [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(f"{error}"))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        try:
            yield page, asked, errors
        finally:
            browser.close()


def test_a_report_opens_without_a_network(tmp_path, monkeypatch):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install 'asyncsim[report]'")
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(made())]) == 0
    with seen(tmp_path / "browser") as (page, asked, errors):
        page.goto((tmp_path / "report.html").as_uri())
        page.locator(".bk-Canvas, canvas").first.wait_for()
        assert page.locator("td", has_text=LABEL).count() > 0
        assert "owned" in page.title() and page.title().startswith("</script>")  # the title is text, and was not set
        assert page.locator("img").count() == 3
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == errors == []


@pytest.mark.slow
def test_the_page_of_explore_follows_its_controls(tmp_path):
    pytest.importorskip("marimo", reason="marimo is not installed: pip install 'asyncsim[explore]'")
    cluster = tmp_path / "c.toml"
    cluster.write_text('[cluster]\nworkers = 3\ncompute = "linear"\ncommunication = 0.5\n[methods.synchronous_nigt]\n')
    command = [sys.executable, "-m", "asyncsim.cli", "explore", str(cluster)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            address = server.stdout.readline().strip()
            with seen(tmp_path / "browser") as (page, asked, errors):

                def shows(seconds, table=0):
                    row = page.locator("tr", has_text="synchronous_nigt").nth(table)
                    row.get_by_text(seconds, exact=True).first.wait_for(timeout=60_000)

                page.goto(address)
                shows("3.5")  # 3 + κ
                count = page.locator("input[inputmode]").first  # of updates to a target
                count.fill("100")
                count.press("Enter")
                shows("350", 1)
                page.get_by_role("slider").first.press("ArrowRight")  # n = 4
                shows("4.5")
                shows("450", 1)  # the count is still there
                page.get_by_role("combobox").first.select_option("equal")
                shows("1.5")
            assert errors == [] and all(url.startswith((address.split("?")[0], "data:")) for url in asked)
        finally:
            server.terminate()
    assert {path.name for path in tmp_path.iterdir()} == {"browser", "c.toml"}  # nothing was written here
