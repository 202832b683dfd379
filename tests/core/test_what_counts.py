"""Page views, bots and sources that make no sessions: the tables agree on what counts."""

from pathlib import Path

import pytest

from expectations.runner import load_suites, run_suite
from orchestration.database import connect
from tests.installation import Installation, call

SOURCES = """
sources:
  web: {format: segment}
  server: {format: segment, makes_sessions: false}
"""
AT = "2026-01-05T10:00:00Z"
BOT = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
