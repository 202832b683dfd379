"""Each rule on made series: what it finds, and what it leaves alone."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.anomalies import AnomalySettings, Finding, History, detect
from expectations.anomalies.counts import judge_counts, steady, weekly_growth
from expectations.anomalies.drift import judge_drift
from expectations.anomalies.freshness import judge_freshness
from expectations.anomalies.rates import judge_ratios, judge_shares

SETTINGS = AnomalySettings()
WEEK = 168
START = datetime(2026, 1, 5)  # a Monday
HOURS = 10 * WEEK
NO_HOLIDAY = np.zeros(HOURS + 24, dtype=bool)
Rng = np.random.Generator


def usual(level: float, hours: int = HOURS, growth: float = 0.0) -> np.ndarray:
    """Return expected counts by hour: busy by day and on weekdays, a little by night, growing by so much a week."""
    hour = np.arange(hours)
    day = np.where((hour % 24 >= 8) & (hour % 24 < 20), 1.0, 0.2)
    weekday = np.where((hour // 24) % 7 < 5, 1.0, 0.3)
    return level * day * weekday * np.exp(growth * hour / WEEK)


def counts(level: float, seed: int = 1, hours: int = HOURS, growth: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(usual(level, hours, growth)).astype(float)


def volumes(
    values: np.ndarray, given: AnomalySettings = SETTINGS, holidays: Any = None
) -> list[Any]:
    off = NO_HOLIDAY if holidays is None else holidays
    return judge_counts(values[None, :], len(values), given, off)[0]


def history(**sources: dict[str, np.ndarray]) -> History:
    """Return a product of sources with events, each of two calls a device, all with one property, received at once."""
    events = {(source, name): its for source, of in sources.items() for name, its in of.items()}
    received = {source: np.asarray(sum(of.values())) for source, of in sources.items()}
    hours = len(next(iter(events.values())))
    none = {source: np.zeros(hours) for source in sources}
    return History(
        START,
        hours,
        events,
        {key: np.ceil(its / 2) for key, its in events.items()},
        {(*key, True, "plan"): daily(its) for key, its in events.items()},
        received,
        dict(none),
        dict(none),
    )


def daily(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.reshape(-1, 24).sum(axis=1))


def product() -> History:
    names = ("page", "opened", "saved", "shared", "closed")
    web = {name: counts(60, seed) for seed, name in enumerate(names)}
    return history(web=web, shop={"order": counts(40, 9), "refund": counts(20, 10)})


def causes(found: list[Finding]) -> set[str]:
    return {one.cause for one in found}


def changed(of: History, key: tuple[str, str], values: np.ndarray) -> History:
    return replace(of, events={**of.events, key: values})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("growth", [-0.08, 0, 0.08])
def test_chance_and_steady_growth_are_no_anomaly(seed: int, growth: float) -> None:
    assert volumes(counts(50, seed, growth=growth)) == []


@pytest.mark.parametrize(("share", "hours"), [(0.5, 48), (0.0, 6), (2.0, 24), (0.7, 96)])
def test_a_span_that_is_off_is_found_with_what_was_expected(share: float, hours: int) -> None:
    values = counts(100)
    start = HOURS - WEEK + 2 * 24 + 9
    values[start : start + hours] = np.round(values[start : start + hours] * share)
    span = volumes(values)[0]
    assert span.start < start + hours
    assert span.end > start
    assert (
        (span.observed < span.lower < span.expected)
        if share < 1
        else (span.observed > span.upper > span.expected)
    )
    assert span.expected == pytest.approx(usual(100)[span.start : span.end].sum(), rel=0.1)


def test_the_days_before_the_judged_ones_are_not_judged() -> None:
    values = counts(100)
    values[HOURS - 2 * WEEK : HOURS - 2 * WEEK + 24] = 0
    assert volumes(values) == []


def test_less_than_the_least_change_is_no_anomaly() -> None:
    values = counts(5000)
    values[-72:] *= 0.9
    assert volumes(values) == []
    assert volumes(values, AnomalySettings(least_change=0.05)) != []


def test_what_has_too_short_a_history_is_not_judged() -> None:
    values = counts(100)
    values[-24:] = 0
    for weeks, found in ((3, False), (6, True)):
        young = values.copy()
        young[: HOURS - weeks * WEEK] = 0
        assert bool(volumes(young)) == found, weeks


def test_what_is_rare_is_not_judged() -> None:
    values = counts(0.03)
    values[-WEEK:] = 0
    assert volumes(values) == []


def test_holidays_train_nothing_and_are_judged_leniently() -> None:
    values = counts(100)
    values[-48:] = 0
    off = NO_HOLIDAY.copy()
    off[HOURS - 48 :] = True
    assert volumes(values) != []
    assert volumes(values, holidays=off) == []
    values[-48:] = 5 * usual(100)[-48:]
    assert volumes(values, holidays=off) != []
    # too few other weeks are left to compare with
    values = counts(100)
    values[-24:] = 0
    off = NO_HOLIDAY.copy()
    for week in range(2, 7):
        off[HOURS - week * WEEK : HOURS - (week - 1) * WEEK] = True
    assert volumes(values) != []
    assert volumes(values, holidays=off) == []


def test_the_scatter_of_counts_is_one_whatever_their_size() -> None:
    rng = np.random.default_rng(3)
    for level in (10, 100, 10_000):
        assert steady(rng.poisson(level, 20_000).astype(float)).std() == pytest.approx(1, abs=0.05)


def test_growth_is_the_median_slope_and_not_moved_by_one_week() -> None:
    values = usual(100, growth=0.05)
    values[HOURS - 4 * WEEK : HOURS - 3 * WEEK] = 30
    assert weekly_growth(values, HOURS, 0, 8) == pytest.approx(0.05, abs=0.01)
    assert weekly_growth(usual(100, growth=0.5), HOURS, 0, 8) == pytest.approx(0.10)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 50), st.integers(0, 1000), st.sampled_from([0.3, 0.6, 1.0, 1.8]))
def test_the_unit_of_great_counts_does_not_matter(factor: int, seed: int, share: float) -> None:
    """Scaled by a constant, a series of which chance is the lesser part gets the same verdict."""
    rng = np.random.default_rng(seed)
    values = np.round(usual(5000) * np.exp(rng.normal(0, 0.1, HOURS)))
    values[-60:] = np.round(values[-60:] * share)
    assert bool(volumes(values)) == bool(volumes(factor * values))


def test_a_share_that_falls_is_found_and_chance_is_not() -> None:
    whole = np.full(70, 400.0)
    part = np.random.default_rng(2).binomial(400, 0.9, 70).astype(float)
    assert judge_shares(part[None, :], whole[None, :], 70, SETTINGS) == [[]]
    part[-3:] = 200
    ((span,),) = judge_shares(part[None, :], whole[None, :], 70, SETTINGS)
    assert (span.start, span.end) == (67, 70)
    assert span.observed == 0.5
    assert span.expected == pytest.approx(0.9, abs=0.02)
    assert span.observed < span.lower < span.expected < span.upper
    assert judge_shares(part[None, :], whole[None, :], 70, SETTINGS, falls=False) == [[]]


def test_fewer_devices_for_as_many_events_are_found() -> None:
    whole = np.full(70, 400.0)
    part = np.random.default_rng(2).normal(200, 5, 70)
    assert judge_ratios(part[None, :], whole[None, :], 70, SETTINGS) == [[]]
    part[-2:] = 100
    assert judge_ratios(part[None, :], whole[None, :], 70, SETTINGS)[0]


def test_a_slow_drift_from_the_other_events_is_found_and_common_growth_is_not() -> None:
    values = np.array([counts(50, seed, growth=0.06) for seed in range(5)])
    assert judge_drift(values, HOURS, SETTINGS) == [None] * 5
    values[2] = counts(50, 2, growth=0.0)
    found = judge_drift(values, HOURS, SETTINGS)
    assert [span is not None for span in found] == [False, False, True, False, False]
    assert found[2] is not None
    assert found[2].observed < found[2].lower


def test_silence_beyond_any_before_is_found_and_a_late_daily_file_is_not() -> None:
    received = counts(50)
    for hours, found in ((20, False), (40, True)):
        silent = received.copy()
        silent[-hours:] = 0
        assert (judge_freshness(silent, HOURS, SETTINGS, NO_HOLIDAY) is not None) == found, hours
    # files that come on Mondays only
    weekly = np.zeros(HOURS)
    weekly[5::WEEK] = 1000
    assert judge_freshness(weekly, HOURS, SETTINGS, NO_HOLIDAY) is None


def test_a_history_like_the_weeks_before_has_no_anomaly() -> None:
    assert detect(product(), SETTINGS) == []


def test_an_event_that_falls_is_the_cause_and_not_its_source() -> None:
    of = product()
    values = of.events["web", "saved"].copy()
    values[-60:] = 0
    found = detect(changed(of, ("web", "saved"), values), SETTINGS)
    assert causes(found) == {"web/saved"}


def test_a_dead_source_is_one_cause() -> None:
    of = product()
    dead = {key: np.where(np.arange(HOURS) >= HOURS - 60, 0, its) if key[0] == "web" else its
            for key, its in of.events.items()}  # fmt: skip
    received = {
        **of.received,
        "web": np.where(np.arange(HOURS) >= HOURS - 60, 0, of.received["web"]),
    }
    found = detect(replace(of, events=dead, received=received), SETTINGS)
    assert [(one.cause, one.metric) for one in found] == [("web", "freshness")]


def test_dead_hours_and_a_halved_source_are_one_cause() -> None:
    of = product()
    for share, hours in ((0.0, slice(HOURS - 84, HOURS - 72)), (0.5, slice(HOURS - 80, HOURS))):
        events = {key: its.copy() for key, its in of.events.items()}
        for (source, _), its in events.items():
            if source == "web":
                its[hours] = np.round(its[hours] * share)
        found = detect(replace(of, events=events), SETTINGS)
        assert len(found) > 2
        assert causes(found) == {"web"}, share


def test_hours_that_are_filled_later_resolve_themselves() -> None:
    of = product()
    values = of.events["web", "saved"].copy()
    values[-100:-60] = 0
    assert causes(detect(changed(of, ("web", "saved"), values), SETTINGS)) == {"web/saved"}
    assert detect(of, SETTINGS) == []


def test_a_file_that_is_not_there_yet_is_no_anomaly() -> None:
    of = product()
    events = {key: its.copy() for key, its in of.events.items()}
    for key, its in events.items():
        its[-24:] = 0 if key[0] == "web" else its[-24:]
    received = {
        **of.received,
        "web": np.where(np.arange(HOURS) >= HOURS - 24, 0, of.received["web"]),
    }
    assert detect(replace(of, events=events, received=received), SETTINGS) == []


def with_filled(of: History, lost: set[tuple[str, str]]) -> History:
    filled = {key: its.copy() for key, its in of.filled.items()}
    for key, its in filled.items():
        if key[:2] in lost:
            its[-3:] = 0
    return replace(of, filled=filled)


def test_a_lost_property_is_its_events_cause_and_one_lost_everywhere_is_one_cause() -> None:
    of = product()
    found = detect(with_filled(of, {("web", "saved")}), SETTINGS)
    assert {(one.cause, one.metric, one.property_name, one.observed) for one in found} == {
        ("web/saved", "filled", "plan", 0)
    }
    everywhere = {key for key in of.events if key[0] == "web"}
    found_all = detect(with_filled(of, everywhere), SETTINGS)
    assert {one.event_name for one in found_all} == {name for _, name in everywhere}
    assert causes(found_all) == {"web/*/plan"}


def test_a_new_property_is_found_once_it_is_common() -> None:
    of = product()
    new = np.zeros(HOURS // 24)
    new[-3:] = daily(of.events["web", "saved"])[-3:]
    (found,) = detect(
        replace(of, filled={**of.filled, ("web", "saved", True, "colour"): new}), SETTINGS
    )
    assert (found.metric, found.property_name, found.expected) == ("new_property", "colour", 0)


@pytest.mark.parametrize("metric", ["duplicates", "quarantined"])
def test_rows_that_repeat_or_are_unusable_are_found_by_their_share(metric: str) -> None:
    of = product()
    values = np.where(np.arange(HOURS) >= HOURS - 48, np.round(of.received["web"] * 0.3), 0)
    faulty: dict[str, Any] = {metric: {**getattr(of, metric), "web": values}}
    found = detect(replace(of, **faulty), SETTINGS)
    assert causes(found) == {"web"}


def test_a_funnel_that_converts_less_is_found_and_days_that_are_not_mature_are_not_judged() -> None:
    entered = np.full(70, 200.0)
    converted = np.random.default_rng(4).binomial(200, 0.5, 70).astype(float)
    entered[-2:] = converted[-2:] = np.nan
    of = replace(product(), entered={"checkout": entered}, converted={"checkout": converted})
    assert detect(of, SETTINGS) == []
    converted[-6:-2] = 50
    found = detect(of, SETTINGS)
    assert causes(found) == {"funnel/checkout"}
    assert max(one.ended_at for one in found) == datetime(2026, 3, 14)


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_series_changes_nothing(random: Any) -> None:
    of = product()
    values = of.events["web", "saved"].copy()
    values[-60:] = 0
    of = with_filled(changed(of, ("web", "saved"), values), {("shop", "order")})

    def shuffled(its: Any) -> Any:
        return dict(random.sample(list(its.items()), len(its)))

    other = replace(
        of, events=shuffled(of.events), actors=shuffled(of.actors), filled=shuffled(of.filled)
    )
    assert detect(other, SETTINGS) == detect(of, SETTINGS) != []


def test_holidays_of_the_settings_are_days_of_the_grid() -> None:
    web = {name: its.copy() for name, its in product().of("web").items()}
    for its in web.values():
        its[HOURS - 72 : HOURS - 48] = 0
    of = history(web=web)
    assert causes(detect(of, SETTINGS)) == {"web"}
    assert detect(of, AnomalySettings(holidays=(date(2026, 3, 13),))) == []
