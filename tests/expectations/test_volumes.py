"""The band that people look at is the one by which volumes are judged."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from expectations.anomalies import AnomalySettings, History, detect, volumes
from expectations.anomalies.counts import WEEK, steady
from expectations.anomalies.history import Counts

START = datetime(2026, 1, 5)
TRAINING = 10
SETTINGS = AnomalySettings()


def history(
    weeks: int, *, seed: int = 3, hours: int | None = None, **events: tuple[float, float]
) -> History:
    """Draw events of `web` by hour: a rate, and by how much that of the last settled day is multiplied."""
    length = weeks * WEEK if hours is None else hours
    rng = np.random.default_rng(seed)
    drawn: dict[tuple[str, str], Counts] = {}
    for name, (rate, last) in events.items():
        rates = np.full(length, float(rate))
        rates[length - 48 : length - 24] *= last
        drawn["web", name] = rng.poisson(rates).astype(float)
    return History(START, length, drawn, drawn)


def test_a_day_that_is_off_has_the_band_of_its_finding() -> None:
    known = history(14, page=(50, 0.4), opened=(30, 1))
    found = {
        one.event_name: one
        for one in detect(known.until(known.hours, TRAINING), SETTINGS)
        if one.metric == "volume" and one.ended_at - one.started_at == timedelta(days=1)
    }
    one = found["page"]
    (shown,) = [
        chart
        for chart in volumes(known, SETTINGS, weeks=4, training_weeks=TRAINING)
        if chart.event_name == "page"
    ]
    place = (one.started_at.date() - shown.first_day).days
    assert one.started_at.hour == 0
    assert [
        shown.observed[place],
        shown.expected[place],
        shown.lower[place],
        shown.upper[place],
    ] == pytest.approx([one.observed, one.expected, one.lower, one.upper])
    assert shown.observed[place] < shown.lower[place]
    # The edges are where the score of a span of a day begins to count.
    middle, off, lower, upper = (
        float(steady(np.array(value)))
        for value in (one.expected, one.observed, one.lower, one.upper)
    )
    for edge in (lower, upper):
        assert abs(edge - middle) / abs(off - middle) == pytest.approx(SETTINGS.score / one.score)


def test_an_earlier_day_has_the_band_by_which_it_was_judged_then() -> None:
    known = history(14, page=(50, 1))
    ago = 2
    # At this hour the same days are settled as of now, so many weeks earlier.
    then = known.until(known.hours - WEEK * ago, TRAINING)
    (now,) = [
        one for one in volumes(known, SETTINGS, weeks=4, training_weeks=TRAINING) if one.event_name
    ]
    (before,) = [
        one for one in volumes(then, SETTINGS, weeks=1, training_weeks=TRAINING) if one.event_name
    ]
    shift = (before.first_day - now.first_day).days
    for name in ("expected", "lower", "upper"):
        days = slice(before.settled - 6, before.settled)
        assert getattr(before, name)[days] == pytest.approx(getattr(now, name)[shift:][days])


def test_a_source_is_the_sum_of_its_events_and_every_day_has_its_count() -> None:
    known = history(9, page=(20, 1), zoomed=(10, 1))
    source, *events = volumes(known, SETTINGS, weeks=4, training_weeks=TRAINING)
    assert (source.source, source.event_name) == ("web", None)
    assert [one.event_name for one in events] == ["page", "zoomed"]
    assert source.observed == pytest.approx(events[0].observed + events[1].observed)
    assert len(source.observed) == 28
    day = known.events["web", "page"][-24 * 3 : -24 * 2].sum()
    assert events[0].observed[-3] == day
    assert source.first_day == (START + timedelta(weeks=5)).date()


def test_the_day_that_is_not_over_is_not_settled_and_has_no_band() -> None:
    known = history(0, hours=12 * WEEK + 10, page=(50, 1))
    one = volumes(known, SETTINGS, weeks=4, training_weeks=TRAINING)[0]
    assert len(one.observed) == 28
    assert one.settled == 27
    assert np.isnan(one.upper[27])
    assert np.isfinite(one.upper[:27]).all()
    assert one.observed[27] == known.events["web", "page"][-10:].sum()


def test_nothing_is_expected_of_a_short_history_or_of_what_is_rare() -> None:
    for known in (history(3, page=(50, 1)), history(12, page=(0.1, 1))):
        for one in volumes(known, SETTINGS, weeks=2, training_weeks=TRAINING):
            assert np.isnan(one.expected).all() and np.isnan(one.upper).all()
            assert one.observed.sum() > 0


def test_days_on_a_holiday_train_nothing() -> None:
    known = history(12, page=(50, 1))
    day = known.start.date() + timedelta(weeks=10, days=1)
    known.events["web", "page"][(10 * 7 + 1) * 24 : (10 * 7 + 2) * 24] = 0
    plain, without = (
        volumes(known, settings, weeks=1, training_weeks=TRAINING)[1]
        for settings in (SETTINGS, SETTINGS.model_copy(update={"holidays": (day,)}))
    )
    place = (day - plain.first_day).days + 7
    assert without.upper[place] - without.lower[place] < plain.upper[place] - plain.lower[place]
