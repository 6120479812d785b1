"""Ranges: quantiles and values are inverses, texts and JSON come back, parts and growth stay within what is allowed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import Range, from_json, to_json
from jaxtricks.search import Choice, FloatRange, IntRange, LogUniform, OneMinusLog, SearchRange, parse_range


def ordered(numbers):
    """Two numbers that single precision, in which settings are, tells apart well; the smaller first."""
    least = float(np.finfo(np.float32).tiny)
    return st.tuples(numbers, numbers).map(sorted).filter(lambda ends: ends[1] - ends[0] > max(1e-6 * max(map(abs, ends)), least))


FLOATS = ordered(st.floats(-100, 100)).map(lambda ends: FloatRange(*ends))
LOGS = ordered(st.floats(1e-8, 1e3)).map(lambda ends: LogUniform(*ends))
KEPT = ordered(st.floats(0, 0.9999)).map(lambda ends: OneMinusLog(*ends))
INTS = ordered(st.integers(-30, 30)).map(lambda ends: IntRange(*ends))
LOG_INTS = ordered(st.integers(1, 1000)).map(lambda ends: IntRange(*ends, log=True))
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.tuples(st.integers()) | st.sampled_from("abc")
)
CHOICES = st.lists(VALUES, min_size=2, max_size=5, unique=True).map(lambda values: Choice(tuple(values)))
CONTINUOUS = FLOATS | LOGS | KEPT
NUMERIC = CONTINUOUS | INTS | LOG_INTS
RANGES = NUMERIC | CHOICES
QUANTILES = st.floats(0, 1, exclude_max=True)


@given(CONTINUOUS, QUANTILES)
def test_a_quantile_comes_back_from_its_value(found, u):
    assert found.unit(found.at(u)) == pytest.approx(u, abs=1e-6)
    assert found.low <= found.at(u) <= found.high


@given(RANGES, QUANTILES)
def test_a_value_comes_back_from_its_quantile(found, u):
    value = found.at(u)
    again = found.at(found.unit(value))
    assert again == value or again == pytest.approx(value, abs=1e-12)


@given(INTS | LOG_INTS | CHOICES)
def test_the_quantile_of_a_discrete_value_is_the_middle_of_its_share(found):
    values = found.grid(10**6)
    assert len(values) == found.count
    units = [found.unit(value) for value in values]
    shares = 2 * (np.array(units) - np.concatenate([[0], np.cumsum(_shares(units))[:-1]]))
    assert shares.sum() == pytest.approx(1)
    assert [found.at(u) for u in units] == values


def _shares(units):
    """The widths of neighbouring intervals from 0 on, by their middles."""
    start, found = 0.0, []
    for unit in units:
        found.append(2 * (unit - start))
        start += found[-1]
    return found


@pytest.mark.parametrize("found", [IntRange(1, 4), Choice(("a", None, 3, (8, 8)))])
def test_discrete_values_are_equally_likely(found):
    values = [found.at(u) for u in np.linspace(0, 1, 4000, endpoint=False)]
    assert {value: values.count(value) for value in values} == dict.fromkeys(found.grid(4), 1000)


def test_scales_are_even_where_they_say_so():
    assert [LogUniform(1e-4, 1.0).at(u) for u in (0, 0.25, 0.5)] == pytest.approx([1e-4, 1e-3, 1e-2])
    assert [OneMinusLog(0.9, 0.999).at(u) for u in (0, 0.5, 1)] == pytest.approx([0.9, 0.99, 0.999])
    numbers = np.array([IntRange(1, 1023, log=True).at(u) for u in np.linspace(0, 1, 9999)])
    counts, _ = np.histogram(numbers, [16, 64, 256, 1024])
    assert counts.tolist() == pytest.approx([counts.mean()] * 3, rel=0.02)


@given(RANGES, st.integers(1, 6))
def test_a_grid_goes_from_end_to_end(found, number):
    values = found.grid(number)
    assert len(values) <= max(number, len(found.tried)) and len(set(values)) == len(values)
    assert number == 1 or {values[0], values[-1]} == {found.tried[0], found.tried[-1]}
    assert all(-1e-9 <= found.unit(value) <= 1 + 1e-9 for value in values)


@given(NUMERIC)
def test_a_text_comes_back(found):
    assert parse_range(str(found)) == found


@given(RANGES)
def test_json_comes_back(found):
    assert from_json(SearchRange, json.loads(json.dumps(to_json(found)))) == found


@pytest.mark.parametrize(
    "text", ["relu,tanh,none", "64 64,128,256 256", 'relu,{"kind": "elu", "alpha": 2.0}', "0.1,0.3", "on,off"]
)
def test_the_text_of_a_choice_comes_back(text):
    assert str(parse_range(text)) == text


def test_configs_are_written_as_a_command_line_takes_them():
    found = Choice((jt.nn.ReLU(), jt.nn.ELU(alpha=2.0), None, (64, 64), True))
    assert str(found) == 'relu,{"kind": "elu", "alpha": 2.0},none,64 64,true'


@given(NUMERIC, QUANTILES, st.floats(0.01, 1))
def test_a_part_lies_within_and_holds_its_value(found, u, share):
    value = found.at(u)
    part = found.around(value, share)
    assert type(part) is type(found) and found.low <= part.low < part.high <= found.high
    assert part.low - 1e-9 * abs(value) <= value <= part.high + 1e-9 * abs(value)


@given(CONTINUOUS, st.floats(0.3, 0.7), st.floats(0.05, 0.5))
def test_a_part_has_its_share_and_its_value_in_the_middle(found, u, share):
    part = found.around(found.at(u), share)
    assert found.unit(part.high) - found.unit(part.low) == pytest.approx(share, abs=1e-6)
    assert found.unit(part.low) + found.unit(part.high) == pytest.approx(2 * u, abs=1e-6)


@given(NUMERIC, QUANTILES)
def test_a_range_grows_only_beyond_the_end_at_which_the_value_lies(found, u):
    value = found.at(u)
    wider, edge = found.widened(value, Range()), found.edge(value)
    least = {OneMinusLog: 0, IntRange: 1}.get(
        type(found)
    )  # 1 - x has no more to lose, and 1 no whole number below with a logarithm
    assert wider.low < found.low or edge != "low" or found.low == least
    assert wider.low == found.low or edge == "low"
    assert (wider.high > found.high) == (edge == "high")


@given(NUMERIC, st.booleans())
def test_no_range_grows_beyond_what_is_allowed(found, high):
    value = found.high if high else found.low
    closed = Range(low=found.low, high=found.high)
    assert found.widened(value, closed) == found
    beyond = Range(low=found.low - 2e-3, high=found.high + 2e-3, open_low=True, open_high=True)
    wider = found.widened(value, beyond)
    assert wider.low in beyond and wider.high in beyond


def test_open_ends_are_approached_and_never_reached():
    rate = Range(low=0, high=1, open_high=True)
    found = FloatRange(0.1, 0.9)
    for _ in range(20):
        found = found.widened(found.high, rate)
    assert 0.99 < found.high < 1


def test_a_logarithmic_range_grows_by_half_its_decades():
    wider = LogUniform(1e-4, 1e-2).widened(1e-2, Range())
    assert (wider.low, wider.high) == pytest.approx((1e-4, 1e-1))


def test_a_choice_has_no_ends_and_stays_whole():
    found = Choice(("a", "b"))
    assert found.edge("a") is None and found.around("a", 0.1) == found == found.widened("a", Range())


def test_features_tell_apart_what_a_choice_does_not_order():
    each = Choice(("a", "b", "c")).features(np.array([0.1, 0.5, 0.9]))
    assert [np.linalg.norm(a - b) for a in each for b in each] == pytest.approx([0, 1, 1, 1, 0, 1, 1, 1, 0])
    half = np.array([0.5])
    assert Choice((16, 32, 64)).features(half).tolist() == [[0.5]] and Choice((16, 64, 32)).features(half).shape == (1, 3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3:1", "'3:1': FloatRange.low = 3 is not below FloatRange.high = 1."),
        ("log:0:1", "'log:0:1': LogUniform.low = 0.0 is not a number > 0."),
        ("int:3:3", "'int:3:3': IntRange.low = 3 is not below IntRange.high = 3."),
        ("int:log:0:4", "'int:log:0:4': IntRange.low = 0 has no logarithm; an integer >= 1 is allowed with log = True."),
        ("1-log:0.5:1", "'1-log:0.5:1': OneMinusLog.high = 1.0 is not a number in [0, 1)."),
        ("0:nan", "'0:nan': FloatRange.high = nan is not a finite number."),
        ("int:1.5:2", "'int:1.5:2': '1.5' and '2' are not both integers."),
        ("log:a:1", "'log:a:1': 'a' and '1' are not both numbers."),
        (
            "relu",
            "'relu' is no range; allowed are low:high, log:low:high, 1-log:low:high, int:low:high, int:log:low:high, and two",
        ),
        ("a,a", "Choice.values = ('a', 'a') has a value twice; each is allowed once."),
    ],
)
def test_a_text_that_is_no_range_is_one_sentence(text, sentence):
    with pytest.raises(jt.ConfigError) as error:
        parse_range(text)
    assert str(error.value).startswith(sentence)


def test_a_choice_of_what_cannot_be_hashed_is_one_sentence():
    with pytest.raises(jt.ConfigError, match="must be hashable; write a tuple for a list"):
        Choice(([64], [32]))
    with pytest.raises(jt.ConfigError, match="leaves nothing to choose"):
        Choice(("relu",))
    with pytest.raises(jt.ConfigError, match="'gelo' is none of the values; did you mean 'gelu'"):
        Choice(("relu", "gelu")).unit("gelo")
