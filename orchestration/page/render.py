"""From data to one HTML file: everything inside it, nothing from anywhere else."""

import base64
import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestration.alerts.message import command
from orchestration.page import charts
from orchestration.page.gather import Page

FOLDER = Path(__file__).parent

#: Characters of a name or a value; what is longer is cut.
MAX_TEXT = 160


def render(page: Page) -> str:
    """Return the HTML of a page. Every text is escaped; the browser is told to load and run nothing else."""
    style = (FOLDER / "page.css").read_text("utf-8")
    script = (FOLDER / "page.js").read_text("utf-8")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy="; ".join(
                (
                    "default-src 'none'",
                    f"style-src {_hash(style)}",
                    f"script-src {_hash(script)}",
                    "img-src data:",
                    "base-uri 'none'",
                    "form-action 'none'",
                )
            ),
            make=lambda target, arguments="": command(page.settings, arguments, target),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": charts.number,
        "percent": percent,
        "time": time,
        "day": lambda at: f"{at:%Y-%m-%d}",
        "iso": lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "duration": duration,
        "cut": cut,
        "plural": plural,
        "value": value,
    }
    environment.globals |= {
        "sparkline": charts.sparkline,
        "history": charts.history,
        "bar": charts.bar,
    }
    return environment


def percent(share: float | None) -> str:
    """Return a share as a percentage; only all is 100 %, and only nothing 0 %."""
    if share is None:
        return "-"
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.2f} %" if 0 < share < 0.01 else f"{100 * share:.3g} %"


def time(at: datetime | None) -> str:
    """Return a time to the minute."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Return a span in the units that people use."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def cut(text: object, length: int = MAX_TEXT) -> str:
    """Return a text of limited length."""
    words = str(text)
    return words if len(words) <= length else words[: length - 1] + "…"


def plural(number: int, word: str, more: str = "") -> str:
    """Return a number with its noun: 1 run, 2 runs."""
    return f"{number:,} {word if number == 1 else more or word + 's'}"


def value(cell: object, column: str = "") -> str:
    """Return a cell of a column of which the page knows no more than its name."""
    if cell is None:
        return ""
    if isinstance(cell, float) and column.endswith("_rate"):
        return percent(cell)
    if isinstance(cell, float) and column.endswith("_change"):
        return f"{100 * cell:+,.0f} %"
    if isinstance(cell, datetime):
        return time(cell)
    if isinstance(cell, float):
        return f"{cell:.3g}"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    if isinstance(cell, (list, tuple)):
        return ", ".join(value(item) for item in cell)
    return cut(cell)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
