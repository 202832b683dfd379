"""`make explain`: from which files and lines a row came, and why it is what it is."""

from orchestration.explain.answer import Answer, NotFoundError
from orchestration.explain.answers import (
    explain_event,
    explain_person,
    explain_row,
    explain_session,
)
from orchestration.explain.tables import Tables, TablesError, open_tables

__all__ = [
    "Answer",
    "NotFoundError",
    "Tables",
    "TablesError",
    "explain_event",
    "explain_person",
    "explain_row",
    "explain_session",
    "open_tables",
]
