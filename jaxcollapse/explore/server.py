"""The page and its answers over HTTP, on this machine alone."""

import contextlib
import json
import select
import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jaxcollapse.explore.answers import Answers

HOST = "127.0.0.1"
_MOST_NAMES = 32  # quantities in one question
_MOST_CONNECTIONS = 64  # at once, each of which has a thread; a browser has some six
_SILENCE = 60.0  # seconds after which a connection is closed on which nothing is asked


class Server(ThreadingHTTPServer):
    """Serves a page at `/`, and what it asks for.

    It answers requests only that name this machine as their host, so that no page from elsewhere has a browser ask.
    """

    daemon_threads = True

    def __init__(self, port: int, page: str, answers: Answers):
        self.page, self.answers = page.encode(), answers
        self.reading = threading.Lock()  # the netCDF library is not thread-safe
        self._open = dict[socket.socket, None]()  # the connections, the one that was silent for longest first
        self._counting = threading.Lock()
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """URL of the page on this machine."""
        return f"http://{HOST}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Gives a connection a thread. Where there are too many, the one that was silent for longest is closed."""
        self.heard(request)
        with self._counting:
            for silent in list(self._open)[:-_MOST_CONNECTIONS]:
                with contextlib.suppress(OSError):  # it is closed already
                    silent.shutdown(socket.SHUT_RDWR)  # its thread then ends
                del self._open[silent]
        super().process_request(request, client_address)

    def heard(self, connection: socket.socket) -> None:
        """Notes that something was asked on a connection just now."""
        with self._counting:
            self._open.pop(connection, None)
            self._open[connection] = None

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection, and does not count it any more."""
        with self._counting:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Is silent about connections that the other side has given up; other errors are shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE

    def do_GET(self) -> None:
        """Answers a request with a page, a file or JSON data."""
        self.server.heard(self.connection)
        try:
            asked = urlsplit(self.path)
        except ValueError:
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", b"is not an address")
            return
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"only for this machine")
        elif asked.path == "/":
            self._send(HTTPStatus.OK, "text/html", self.server.page)
        elif asked.path in _QUESTIONS:
            self._answer(_QUESTIONS[asked.path], {key: values[-1] for key, values in parse_qs(asked.query).items()})
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"there is no such page")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing of requests."""

    def _answer(self, question: "Question", told: dict[str, str]) -> None:
        try:
            with self.server.reading:
                if self._has_left():  # while others were answered
                    return
                answer = question(self.server.answers, told)
        except (KeyError, ValueError) as error:
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", str(error).encode())
        except (OSError, RuntimeError) as error:
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", f"it cannot be read: {error}".encode())
        else:
            self._send(HTTPStatus.OK, "application/json", json.dumps(answer, allow_nan=False).encode())

    def _has_left(self) -> bool:
        """Whether the other side has closed the connection, so that nobody waits for an answer."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            self.close_connection = bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            self.close_connection = True
        return self.close_connection

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)


Question = Callable[[Answers, dict[str, str]], Any]


def _plane(answers: Answers, told: dict[str, str]) -> Any:
    across, up = (int(told[name]) if told.get(name) else None for name in ("across", "up"))
    return answers.plane(across, up, _places(told), int(told["generation"]), told.get("colour", ""))


def _boundary(answers: Answers, told: dict[str, str]) -> Any:
    beside = int(told["beside"]) if told.get("beside") else None
    return answers.boundary(int(told["along"]), beside, _places(told), int(told["generation"]))


def _curves(answers: Answers, told: dict[str, str]) -> Any:
    names = [name for name in told.get("names", "").split(",") if name]
    return answers.curves(_places(told), names[:_MOST_NAMES])


def _summary(answers: Answers, told: dict[str, str]) -> Any:
    return answers.summary(_places(told))


def _texts(answers: Answers, told: dict[str, str]) -> Any:
    return answers.texts(_places(told), int(told["generation"]), int(told["replicate"]))


def _places(told: dict[str, str]) -> list[int]:
    """The places of the chosen cell along the axes."""
    return [int(place) for place in told.get("at", "").split(",") if place]


_QUESTIONS: dict[str, Question] = {
    "/plane": _plane,
    "/boundary": _boundary,
    "/curves": _curves,
    "/summary": _summary,
    "/texts": _texts,
}
