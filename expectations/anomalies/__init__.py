"""Anomalies: what the counts of the last days say that those of the weeks before do not explain.

Rules, formulas and limits: docs/anomalies.md. Nothing here reads an event: the models in
models/marts/quality count, `history` puts their counts on a grid of hours, `counts`, `rates`,
`drift` and `freshness` judge, `causes` says what belongs together, `checks` makes results of it,
`volumes` shows it.
"""

from expectations.anomalies.checks import (
    DESCRIPTION,
    FURTHER_WEEKS,
    RELATION,
    SUITE,
    check_anomalies,
)
from expectations.anomalies.detection import detect
from expectations.anomalies.finding import Finding
from expectations.anomalies.history import History, read_history
from expectations.anomalies.settings import AnomalySettings, load_settings
from expectations.anomalies.volumes import Volume, volumes

__all__ = [
    "DESCRIPTION",
    "FURTHER_WEEKS",
    "RELATION",
    "SUITE",
    "AnomalySettings",
    "Finding",
    "History",
    "Volume",
    "check_anomalies",
    "detect",
    "load_settings",
    "read_history",
    "volumes",
]
