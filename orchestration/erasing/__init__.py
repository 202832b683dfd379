"""Erasing a person: their rows leave raw.duckdb, keyed hashes keep them from coming back."""

from orchestration.erasing.keys import ErasureKey, ErasureKeyError, key_in_use
from orchestration.erasing.people import Person, RequestError, find_person
from orchestration.erasing.place import VIEW, strategy_of, view_of, workplace
from orchestration.erasing.remains import Redaction, finish_requests, open_requests, redact
from orchestration.erasing.rows import (
    Removal,
    erase_person,
    leave_out_erased,
    lift,
    reopen,
    was_asked,
)

__all__ = [
    "VIEW",
    "ErasureKey",
    "ErasureKeyError",
    "Person",
    "Redaction",
    "Removal",
    "RequestError",
    "erase_person",
    "find_person",
    "finish_requests",
    "key_in_use",
    "leave_out_erased",
    "lift",
    "open_requests",
    "redact",
    "reopen",
    "strategy_of",
    "view_of",
    "was_asked",
    "workplace",
]
