"""One anomaly: a series, a span, and what was expected of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Metric = Literal[
    "volume", "drift", "freshness", "people", "filled", "new_property", "duplicates", "quarantine", "conversion"
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A span of a series that the weeks before do not explain.

    `event_name` is None for a whole source, and names the funnel where the metric is conversion. Counts for volume,
    drift and freshness; shares, 0 to 1, or ratios for the other metrics. `score` is the distance from what is expected
    in units of the usual scatter. `cause` is empty until the findings are grouped.
    """

    source: str
    event_name: str | None
    property_name: str | None
    metric: Metric
    started_at: datetime
    ended_at: datetime
    observed: float
    expected: float
    lower: float
    upper: float
    score: float
    cause: str = ""

    @property
    def falls(self) -> bool:
        """Whether less was seen than expected."""
        return self.observed < self.expected

    @property
    def change(self) -> float:
        """By which share of what is expected it is off; infinite where nothing is expected."""
        if self.expected == 0:
            return float("inf")
        return self.observed / self.expected - 1

    def overlaps(self, other: "Finding", within: timedelta = timedelta()) -> bool:
        """Whether the two spans have a moment in common, or less than `within` between them."""
        return (
            self.started_at < other.ended_at + within and other.started_at < self.ended_at + within
        )
