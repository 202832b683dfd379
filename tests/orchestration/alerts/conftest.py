"""A small home with a warehouse for alerts, real receivers on the loopback, and what a check returns."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from expectations.runner import CheckResult
from orchestration import results
from orchestration.alerts.routes import Rules
from orchestration.database import connect
from orchestration.settings import Settings

START = datetime(2026, 2, 20, 10)


def result(
    name: str = "key_unique",
    *,
    success: bool = False,
    suite: str = "sessions",
    relation: str = "sessions",
    severity: Any = "critical",
    owner: str = "data-platform",
    observed: str = "2 of 1,204 rows",
    failing: list[dict[str, Any]] | None = None,
) -> CheckResult:
    """Return what one check found."""
    return CheckResult(
        suite=suite,
        check_name=name,
        relation=relation,
        severity=severity,
        success=success,
        observed="0 of 1,204 rows" if success else observed,
        failing=[] if success else (failing or [{"session_id": "s-1"}, {"session_id": "s-2"}]),
        description="One row per session.",
        owner=owner,
        seconds=0.1,
    )


@dataclass
class Place:
    """A home with nothing but a warehouse and a routing file; every record is one run, an hour after the last."""

    settings: Settings
    rules: Rules = field(default_factory=Rules)
    runs: int = 0

    @property
    def now(self) -> datetime:
        """The time of the last run."""
        return START + timedelta(hours=self.runs)

    @property
    def run_id(self) -> str:
        """The last run."""
        return f"run {self.runs}"

    def route(self, text: str) -> None:
        """Write the routing file."""
        self.settings.alerts.write_text(text)

    def record(self, *found: CheckResult, still_open: tuple[str, ...] = ()) -> None:
        """Enter what the checks of one more run found."""
        self.runs += 1
        with connect(self.settings.warehouse) as connection:
            results.record(
                connection, self.run_id, found, self.now, still_open=still_open, rules=self.rules
            )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def told(self) -> list[tuple[str, str]]:
        """Return kind and key of everything that was ever to be told, in order."""
        return self.ask(
            "select kind, alert_key from main_internal.alert_outbox order by created_at, alert_key"
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    home = tmp_path / "home"
    settings = Settings(
        landing=tmp_path / "landing",
        sources=tmp_path / "sources.yml",
        home=home,
        alerts=tmp_path / "alerts.yml",
    )
    settings.prepare()
    settings.alerts.write_text("{}")
    return Place(settings)


@dataclass
class Receiver:
    """A server that keeps what it gets; `status` is what it answers."""

    port: int
    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a real HTTP server on the loopback."""
    kept: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if found.status == 200:
                kept.append(json.loads(body) | {"path": self.path})
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(server.server_port, kept)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Mailbox:
    """A mail server that keeps what it gets."""

    port: int
    got: list[EmailMessage] = field(default_factory=list)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Return a real SMTP server on the loopback."""
    kept: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(  # noqa: N802
            self, _server: Any, _session: Any, envelope: Any
        ) -> str:
            message = BytesParser(policy=default).parsebytes(envelope.content)
            assert isinstance(message, EmailMessage)
            kept.append(message)
            return "250 OK"

    port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    yield Mailbox(port, kept)
    controller.stop()


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
