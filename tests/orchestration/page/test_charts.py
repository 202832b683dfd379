"""Charts say what they show, in drawing and in words."""

import math
import re
from datetime import date

import pytest

from orchestration.page import charts
from orchestration.page.charts import FAIL, NOT_RUN, PASS, Mark

NAN = math.nan


def ys(path: str) -> list[float]:
    return [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_a_line_goes_from_zero_up_to_the_greatest_value() -> None:
    drawn = charts.sparkline([0, 10, 5], "three days")
    found = re.search(r'class="line" d="([^"]+)"', drawn)
    assert found is not None
    assert ys(found[1]) == [20.0, 2.0, 11.0]
    assert 'aria-label="three days"' in drawn and 'role="img"' in drawn
    assert charts.sparkline([], "nothing") == ""
    assert "nan" not in charts.sparkline([0, 0], "zeros")
    assert charts.sparkline([7], "one day")


def test_marks_of_runs_differ_in_height_and_not_in_colour_alone() -> None:
    drawn = charts.history([PASS, FAIL, NOT_RUN], "3 runs")
    heights = dict(re.findall(r'class="(\w+)" d="M\d+ \d+v-(\d+)', drawn))
    assert len(set(heights.values())) == 3
    assert int(heights[FAIL]) > int(heights[PASS]) > int(heights[NOT_RUN])


def test_days_have_a_band_with_gaps_a_hollow_day_and_marks() -> None:
    drawn = charts.days(
        date(2026, 3, 1),
        [10, 20, 30, 40],
        [NAN, 20, NAN, NAN],
        [NAN, 10, NAN, NAN],
        [NAN, 30, NAN, NAN],
        3,
        [Mark(0.5, 1.5, '5 from "x" <b>')],
        "four days",
    )
    assert drawn.count('class="band"') == drawn.count('class="expected"') == 1
    assert drawn.count('class="hollow"') == 1 and drawn.count('class="dot"') == 3
    assert "<title>Mon 2 Mar: 20, usual 10 to 30</title>" in drawn
    assert "<title>Wed 4 Mar: 40 so far</title>" in drawn
    assert "5 from &#34;x&#34; &lt;b&gt;" in drawn
    assert "nan" not in drawn
    lines = re.findall(r'class="line" d="([^"]+)"', drawn)
    assert [len(ys(line)) for line in lines] == [3]


def test_a_band_that_goes_on_is_one_shape() -> None:
    values = [5.0, 5, 5]
    drawn = charts.days(date(2026, 3, 1), values, values, [1, 1, NAN], [9, 9, NAN], 3, [], "")
    (band,) = re.findall(r'class="band" d="([^"]+)"', drawn)
    assert len(ys(band)) == 4


def test_a_label_cannot_leave_its_attribute() -> None:
    drawn = charts.sparkline([1, 2], '"><script>')
    assert "<script>" not in drawn and "&#34;&gt;&lt;script&gt;" in drawn


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (950, "950"), (1200, "1.2k"), (20_000_000, "20M"), (3e9, "3G")]
)
def test_an_axis_has_short_numbers(value: float, words: str) -> None:
    assert charts.short(value) == words


@pytest.mark.parametrize(("highest", "top"), [(0, 1), (7, 8), (101, 120), (5_384, 6000), (1e6, 1e6)])  # fmt: skip
def test_an_axis_ends_at_a_round_number_that_holds_all(highest: float, top: float) -> None:
    assert charts._scale(highest) == (top, [0, top / 2, top])


@pytest.mark.parametrize(("value", "words"), [(0.25, "0.2"), (9, "9"), (1234.6, "1,235"), (0, "0")])
def test_counts_have_separators(value: float, words: str) -> None:
    assert charts.number(value) == words
