"""`jaxcollapse explore` as a user starts it: it answers on this machine alone, and ends with Ctrl-C."""

import json
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser

from jaxcollapse.explore.answers import Answers
from jaxcollapse.explore.server import Server
from jaxcollapse.report.page import live_page, stored_page
from tests.report.edged import with_edge
from tests.support import interruptible, studies
from tests.support.browsing import started, visiting

SWEEP = {"observables": ["default"]}
# It computes a plane for two seconds more, says so, and needs no more time for anything else.
SLOW = """
import time
from jaxcollapse.explore.answers import Answers
from jaxcollapse.cli.main import main
asked, plane = [], Answers.plane
def slow(self, *arguments, **named):
    asked.append(arguments)
    print(f"asked {len(asked)}", flush=True)
    time.sleep(2)
    return plane(self, *arguments, **named)
Answers.plane = slow
main()
"""


@contextmanager
def explored(study: Path, program: str = interruptible.PROGRAM) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server as a process of its own that runs this program, with its address."""
    command = [sys.executable, "-c", program, "explore", str(study), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
            assert found is not None
            yield found[0], process
        finally:
            process.kill()


@contextmanager
def serving(server: Server) -> Iterator[None]:
    """A server of this process, which answers until the context ends."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study without one of its shards."""
    folder = tmp_path_factory.mktemp("unfinished") / "study"
    studies.run(folder, **SWEEP)
    studies.shards(folder)[0].unlink()
    (folder / "result.nc").unlink()
    return folder


@pytest.fixture(scope="module")
def server(unfinished: Path) -> Iterator[str]:
    with explored(unfinished) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


def test_an_unfinished_study_is_explored_in_a_browser(browser: Browser, server: str) -> None:
    with visiting(browser, server) as visit:
        assert visit.complaints == []
        assert {"missing"} < {word.split(",")[0] for word in visit.source("phase-cells")["word"]}
        drawn = [visit.picture()]
        for control, key in (
            ("axis-0", "ArrowLeft"),
            ("generation", "Home"),
            ("curve", "ArrowDown"),
            ("colour", "ArrowDown"),
        ):
            visit.page.locator(f"#{control}").press(key)
            visit.drawn()
            drawn.append(visit.picture())
        assert len(set(drawn)) == len(drawn), "each of them changes the picture"
        assert visit.complaints == []
        assert all(each.startswith(server) for each in visit.requests)


def test_the_chosen_cell_shows_its_single_replicates(browser: Browser, server: str) -> None:
    with visiting(browser, server) as visit:
        visit.page.locator("#axis-0").press("End")
        visit.page.locator("#axis-1").press("End")
        visit.drawn()
        # Four replicates, and their median.
        assert len(visit.source("curves-lines")["xs"]) == 5
        assert len(visit.source("plane-replicates")["x"]) == 4


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_page_from_elsewhere_gets_no_answer(server: str, host: str) -> None:
    """A name that somebody else lets lead to this machine is not this machine's."""
    request = urllib.request.Request(f"{server}summary?at=0,0", headers={"Host": host})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("sweep.toml", 404),
        ("../sweep.toml", 404),
        ("plane", 400),
        ("plane?at=0,0&generation=x", 400),
        ("summary?at=9,9", 400),
        ("curves?at=0,0&names=status", 400),
    ],
)
def test_what_is_no_question_is_refused(server: str, asked: str, code: int) -> None:
    with pytest.raises(urllib.error.HTTPError, match=str(code)):
        urllib.request.urlopen(server + asked, timeout=10)


def test_strange_and_broken_connections_do_no_harm(unfinished: Path) -> None:
    """Nothing is printed about them, there are not more threads than a browser needs, and others get their answers."""
    with explored(unfinished) as (address, process), ExitStack() as held:
        place = urlsplit(address)
        silent = [held.enter_context(socket.create_connection((place.hostname, place.port))) for _ in range(200)]
        for asked in (b"GET http://[ HTTP/1.1\r\n\r\n", b"\0\xff\r\n\r\n"):
            with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
                connection.sendall(asked)
                assert b" 400 " in connection.recv(1000)
        for _ in range(20):
            with socket.create_connection((place.hostname, place.port)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends by a reset
                connection.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % place.netloc.encode())
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert answer.status == 200
        silent[0].settimeout(20)
        assert silent[0].recv(1) == b"", "the one that was silent for longest is closed"
        assert psutil.Process(process.pid).num_threads() < 120
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == ""


def test_a_tab_that_closes_during_a_computation_leaves_no_trace(unfinished: Path) -> None:
    """Nothing is printed, and what nobody waits for any more is not computed."""
    with explored(unfinished, SLOW) as (address, process):
        place = urlsplit(address)
        question = b"GET /plane?across=0&up=1&at=0,0&generation=1&colour= HTTP/1.1\r\nHost: %s\r\n\r\n"
        opened = []
        for linger in (0, 1, 0, 1):
            connection = socket.create_connection((place.hostname, place.port))
            # With 1 it ends by a reset, as of a browser that is killed.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", linger, 0))
            connection.sendall(question % place.netloc.encode())
            opened.append(connection)
        assert process.stdout is not None
        assert process.stdout.readline() == "asked 1\n"
        for connection in opened:
            connection.close()
        with urllib.request.urlopen(f"{address}summary?at=0,0", timeout=30) as answer:
            assert json.load(answer)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
        assert errors == ""
        assert "asked" not in out


def test_what_is_computed_is_said_and_no_old_picture_shows(browser: Browser, unfinished: Path) -> None:
    with explored(unfinished, SLOW) as (address, _), visiting(browser, address) as visit:
        state = "() => document.documentElement.dataset.state"
        looks = """() => ["busy", "shown"].map(name => getComputedStyle(document.querySelector(`.${name}`)))
            .map(style => [style.display, style.visibility, style.opacity])"""
        assert visit.page.evaluate(state) == ""
        assert visit.page.evaluate(looks) == [["none", "visible", "1"], ["block", "visible", "1"]]
        visit.page.locator("#generation").press("Home")
        assert visit.page.evaluate(state) == "busy"
        visit.page.wait_for_timeout(600)
        assert visit.page.evaluate(looks) == [["flex", "visible", "1"], ["block", "visible", "0.25"]]
        assert visit.page.locator("#look").get_attribute("aria-busy") == "true"
        visit.drawn()
        assert visit.page.evaluate(state) == ""
        assert visit.page.evaluate(looks)[1] == ["block", "visible", "1"]
        visit.page.route("**/plane*", lambda route: route.abort())
        visit.page.locator("#generation").press("End")
        visit.drawn()
        assert visit.page.evaluate(state) == "failed"
        assert visit.page.evaluate(looks)[1][1] == "hidden", "pictures of something else"
        assert visit.chosen().startswith("This cannot be shown")


def test_a_narrow_dark_screen_shows_all_that_a_report_shows(browser: Browser, server: str) -> None:
    with visiting(browser, server, width=390, dark=True) as visit:
        assert visit.complaints == []
        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= 390
        assert (
            visit.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(21, 23, 26)"
        )
        assert visit.page.evaluate("() => modelOf('phase-x').major_label_text_color") == "#e8eaed"


def test_the_interrupt_key_ends_it(unfinished: Path) -> None:
    with explored(unfinished) as (address, process):
        with urllib.request.urlopen(f"{address}summary?at=0,0", timeout=30) as answer:
            assert json.load(answer)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert out == "stopped\n"
        assert errors == ""


def test_the_boundary_is_that_of_the_report(browser: Browser, tmp_path: Path) -> None:
    """Also when another axis runs upwards, and at another generation."""
    path = tmp_path / "report.html"
    path.write_text(stored_page(with_edge(), path), encoding="utf-8")
    server = Server(0, live_page(with_edge(), path), Answers(with_edge()))
    with server, serving(server), visiting(browser, server.address) as live, visiting(browser, path) as stored:
        for control, key in (("axis-2", "ArrowUp"), ("up", "ArrowDown"), ("generation", "Home"), ("generation", "End")):
            found = []
            for visit in (live, stored):
                visit.page.locator(f"#{control}").press(key)
                visit.drawn()
                found.append(visit.source("phase-lines"))
                assert visit.complaints == []
            assert found[0] == found[1]
            assert bool(found[0]["x0"]) == (key != "Home")
