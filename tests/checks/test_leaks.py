"""Each planted fault is found on a small data set, and its clean twin is not flagged."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.checks import CHECKS, Splits

N = 400


def found(data, name, seed=0):
    return [finding for finding in CHECKS[name](data, Splits.of(data, seed)) if finding.check == name]


def clean(n=N, seed=0, **changes):
    """Three classes, told apart by five numbers, rather well."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, n)
    x = generator.normal(size=(n, 5)) + np.eye(3, 5)[y] * 2
    return x, y


def values(n=N, seed=0):
    """A value, told by five numbers, rather well."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 5))
    return x, x @ np.arange(1.0, 6.0) + generator.normal(size=n)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [clean, values])
def test_nothing_is_found_in_clean_data(make, seed):
    x, y = make(seed=seed)
    report = jt.check_data(jt.Dataset.from_arrays(x[:300], y[:300], test=(x[300:], y[300:])))
    assert report.ok, report


@pytest.mark.parametrize("make", [clean, values])
def test_a_feature_that_is_the_label_is_a_leak(make):
    x, y = make()
    (finding,) = found(jt.Dataset.from_arrays(np.c_[x, 5 - 2.0 * y], y), "a feature alone")
    assert finding.severity == "leak" and finding.features == (5,)


def test_two_copies_of_the_label_are_found_together():
    x, y = clean()
    (finding,) = found(jt.Dataset.from_arrays(np.c_[y, x, -y], y), "a feature alone")
    assert finding.features == (0, 6)


def test_a_category_that_is_the_label_is_found_by_its_column():
    x, y = clean()
    table = {f"number {place}": x[:, place] for place in range(5)} | {
        "code": [f"c{label}" for label in y],
        "kind": [f"k{label}" for label in y],
    }
    data = jt.Dataset.from_frame(table, "kind")
    (finding,) = found(data, "a feature alone")
    assert "'code' alone" in finding.text and len(finding.features) == 3


def test_a_strong_feature_beside_another_one_is_no_leak():
    _, y = clean()
    strong = y[:, None] + np.random.default_rng(1).normal(size=(N, 2)) * 0.3
    assert not found(jt.Dataset.from_arrays(strong, y), "a feature alone")


def test_the_best_feature_is_no_leak_where_it_leaves_much_of_the_label_open():
    _, y = clean()
    best = np.c_[y + np.random.default_rng(1).normal(size=N) * 0.6, np.random.default_rng(2).normal(size=(N, 4))]
    assert not found(jt.Dataset.from_arrays(best, y), "a feature alone")


def test_the_only_feature_is_no_leak_since_the_task_may_be_easy():
    y = np.arange(200) % 2
    (finding,) = found(jt.Dataset.from_arrays(5 - 2.0 * y[:, None], y), "a feature alone")
    assert finding.severity == "warning" and finding.text.endswith("there are no other features.")


@pytest.mark.parametrize(
    "column", [np.arange(N), -np.arange(N) * 0.5, np.random.default_rng(1).permutation(N) + 9_000_000], ids=str
)
def test_an_identifier_is_found(column):
    x, y = clean()
    (finding,) = found(jt.Dataset.from_arrays(np.c_[x, column], y), "identifier column")
    assert finding.features == (5,)


@pytest.mark.parametrize(
    "column",
    [np.random.default_rng(1).normal(size=N), np.random.default_rng(1).integers(0, 2 * N, N), np.ones(N)],
    ids=["continuous", "counts", "constant"],
)
def test_a_measurement_is_no_identifier(column):
    x, y = clean()
    assert not found(jt.Dataset.from_arrays(np.c_[x, column], y), "identifier column")


@pytest.mark.parametrize("make", [clean, values])
def test_sorted_rows_are_found_and_shuffled_ones_are_not(make):
    x, y = make()
    order = np.argsort(y)
    (finding,) = found(jt.Dataset.from_arrays(x[order], y[order]), "order of rows")
    assert finding.severity == "warning" and finding.split is not None
    assert not found(jt.Dataset.from_arrays(x, y), "order of rows")


def test_classes_in_turn_are_an_order_too():
    x, _ = clean()
    assert found(jt.Dataset.from_arrays(x, np.arange(N) % 3), "order of rows")


def test_a_group_on_both_sides_is_found_by_the_name_of_its_column():
    x, y = clean()
    table = {"a": x[:, 0], "patientId": np.arange(N) // 4, "y": [f"k{label}" for label in y]}
    (finding,) = found(jt.Dataset.from_frame(table, "y"), "groups on both sides")
    assert finding.severity == "warning" and set(finding.where) <= set(range(N))
    train, validation = finding.split
    assert not set(train // 4) & set(validation // 4)
    assert not found(jt.Dataset.from_frame(table, "y", groups="patientId"), "groups on both sides")
    assert not found(jt.Dataset.from_frame(table | {"patientId": np.arange(N)}, "y"), "groups on both sides")  # one row each


def test_groups_of_a_fixed_split_that_are_on_both_sides_are_a_leak():
    x, y = clean()
    data = jt.Dataset.from_arrays(x[:300], y[:300], validation=(x[300:], y[300:]), groups=np.arange(N) % 40)
    (finding,) = found(data, "groups on both sides")
    assert finding.severity == "leak" and finding.count == 100


def test_a_count_of_people_is_no_group():
    x, y = clean()
    table = {"a": x[:, 0], "persons": np.arange(N) % 4, "family size": np.arange(N) % 7, "y": [f"k{label}" for label in y]}
    assert not found(jt.Dataset.from_frame(table, "y"), "groups on both sides")


def test_training_after_validation_is_a_leak_and_before_it_is_none():
    x, y = clean()
    (finding,) = found(jt.Dataset.from_arrays(x, y, time=np.arange(N)), "order in time")
    assert finding.severity == "leak"
    assert finding.split.train.max() < finding.split.validation.min()
    late = jt.Dataset.from_arrays(x[:300], y[:300], validation=(x[300:], y[300:]), time=np.arange(N))
    assert not found(late, "order in time")


def test_a_column_of_dates_is_a_time():
    x, y = clean()
    days = np.datetime64("2026-01-01") + np.arange(N).astype("timedelta64[D]")
    data = jt.Dataset.from_frame({"a": x[:, 0], "sold": days, "y": [f"k{label}" for label in y]}, "y")
    (finding,) = found(data, "order in time")
    assert finding.severity == "warning" and "'sold'" in finding.text


@pytest.mark.parametrize("scale", ["standard", "range"])
@pytest.mark.parametrize("rows", ["pool", "all"])
def test_scaling_of_all_rows_is_found_and_that_of_the_training_rows_is_not(scale, rows):
    x, y = clean()
    y = y[:, None]

    def scaled(by):
        low, size = (by.mean(axis=0), by.std(axis=0)) if scale == "standard" else (by.min(axis=0), np.ptp(by, axis=0))
        return (x - low) / size

    def data(z):
        validation, test = (z[200:300], y[200:300, 0]), (z[300:], y[300:, 0])
        return jt.Dataset.from_arrays(z[:200], y[:200, 0], validation=validation, test=test)

    (finding,) = found(data(scaled(x[:300] if rows == "pool" else x)), "scaled before splitting")
    assert finding.count >= 3 and ("test" in finding.text) == (rows == "all")
    assert not found(data(scaled(x[:200])), "scaled before splitting")
    assert not found(data(x), "scaled before splitting")


@pytest.mark.parametrize("make", [clean, values])
def test_labels_that_differ_between_the_sides_are_found(make):
    x, y = make()
    order = np.argsort(y, kind="stable")
    skewed = np.r_[order[::2], order[1:100:2]], order[101::2]
    one, other = (np.random.default_rng(1).permutation(part) for part in skewed)
    data = jt.Dataset.from_arrays(x[one], y[one], validation=(x[other], y[other]))
    (finding,) = found(data, "class skew")
    assert finding.severity == "warning"
    half = jt.Dataset.from_arrays(x[::2], y[::2], validation=(x[1::2], y[1::2]))
    assert not found(half, "class skew")


def test_rare_classes_are_noted():
    x, y = clean()
    y[:3], y[3:] = 2, y[3:] % 2
    (finding,) = found(jt.Dataset.from_arrays(x, y), "class skew")
    assert finding.severity == "note" and "'2'" in finding.text


def test_a_shift_of_the_test_labels_is_found_without_reading_them():
    x, y = clean(n=1_200)
    few = np.flatnonzero((y != 2) | (np.arange(1_200) % 4 == 0))
    few = few[few >= 800]
    data = jt.Dataset.from_arrays(x[:800], y[:800], test=(x[few], np.zeros(len(few), int)), classes=["a", "b", "c"])
    (finding,) = found(data, "label shift")
    assert "'c'" in finding.text
    same = jt.Dataset.from_arrays(x[:800], y[:800], test=(x[800:], np.zeros(400, int)), classes=["a", "b", "c"])
    assert not found(same, "label shift")


def test_a_constant_feature_is_noted():
    x, y = clean()
    assert found(jt.Dataset.from_arrays(np.c_[x, np.full(N, 3.0)], y), "constant features")[0].features == (5,)
    assert not found(jt.Dataset.from_arrays(x, y), "constant features")


@pytest.mark.parametrize("value", [170.0, -9_999.0])
def test_a_value_far_outside_is_found(value):
    x, y = clean()
    x[17, 2] = value
    (finding,) = found(jt.Dataset.from_arrays(x, y), "values far outside")
    assert finding.where == (17,) and str(int(value))[:3] in finding.text


def test_a_word_for_missing_in_a_few_rows_is_far_outside():
    x, y = clean()
    x[[3, 5, 8], 1] = 999
    assert found(jt.Dataset.from_arrays(x, y), "values far outside")[0].where == (3, 5, 8)


def test_a_long_tail_and_counts_are_not_far_outside():
    generator = np.random.default_rng(2)
    x = np.c_[generator.lognormal(size=(N, 3)), generator.poisson(0.05, (N, 3)), generator.exponential(size=(N, 3))]
    assert not found(jt.Dataset.from_arrays(x, np.arange(N) % 2), "values far outside")


def test_values_beyond_the_scale_are_found():
    x, y = clean()
    data = jt.Dataset.from_arrays(np.clip(np.abs(x) / 10, 0, 1) * 255, y, scale=255)
    assert not found(data, "values far outside")
    beyond = jt.Dataset.from_arrays(np.clip(np.abs(x) / 10, 0, 1) * 255 + np.eye(N, 5) * 300, y, scale=255)
    assert found(beyond, "values far outside")[-1].where == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("make", [clean, values])
def test_missing_values_that_tell_the_label_are_found_and_others_are_not(make):
    x, y = make()
    told, random = x.copy(), x.copy()
    told[(y > np.median(y)) & (np.arange(N) % 2 == 0), 1] = np.nan
    random[np.random.default_rng(3).random(N) < 0.2, 1] = np.nan
    (finding,) = found(jt.Dataset.from_arrays(told, y, missing=True), "missing values")
    assert finding.features == (1,)
    assert not found(jt.Dataset.from_arrays(random, y, missing=True), "missing values")


def test_a_gap_of_a_table_is_one_finding():
    x, y = clean()
    column = np.where(y == 1, np.nan, x[:, 0])
    data = jt.Dataset.from_frame({"a": column, "b": x[:, 1], "y": [f"k{label}" for label in y]}, "y")
    (finding,) = found(data, "missing values")
    assert "'a'" in finding.text and finding.features == (0, 1)


def test_a_class_that_looks_like_a_missing_label_is_found():
    x, y = clean()
    names = np.array(["cat", "dog", "?"])[y]
    (finding,) = found(jt.Dataset.from_arrays(x, names), "missing values")
    assert finding.count == (y == 2).sum() and "'?'" in finding.text


def test_inverse_pairs_are_found_and_random_ones_are_not():
    generator = np.random.default_rng(4)
    a, b = generator.integers(0, 60, (2, 300))
    label = generator.integers(0, 2, 600)
    (finding,) = found(jt.Dataset.from_arrays(np.r_[np.c_[a, b], np.c_[b, a]], label), "inverse pairs")
    assert finding.severity == "leak" and finding.count > 60
    pairs = generator.integers(0, 60, (600, 2))
    assert not found(jt.Dataset.from_arrays(pairs, label), "inverse pairs")


def exponential(y):
    mean = [float(y[0])]
    for value in y[1:]:
        mean.append(0.7 * mean[-1] + 0.3 * value)
    return np.array(mean)


AVERAGES = {
    "centred": lambda y: np.convolve(y, np.ones(5) / 5, mode="same"),
    "with its own row": lambda y: np.convolve(y, np.ones(7) / 7)[: len(y)],
    "exponential": exponential,
    "so far": lambda y: np.cumsum(y) / np.arange(1, len(y) + 1),
    "the next label": lambda y: np.roll(y, -1),
}


@pytest.mark.parametrize("name", AVERAGES)
@pytest.mark.parametrize("discrete", [True, False])
def test_an_average_with_the_own_label_is_a_leak(name, discrete):
    x, y = values()
    y = (y > 0).astype(int) if discrete else y
    data = jt.Dataset.from_arrays(np.c_[x, AVERAGES[name](y.astype(float))], y)
    (finding,) = found(data, "running averages")
    assert finding.features == (5,)


def test_an_average_of_earlier_labels_is_none():
    x, y = values()
    y = np.cumsum(y) / 10  # a walk, as prices are
    earlier = [np.r_[0.0, AVERAGES[name](y)[:-1]] for name in ("with its own row", "exponential", "so far")]
    assert not found(jt.Dataset.from_arrays(np.c_[x, *earlier], y), "running averages")


def test_averages_are_of_rows_in_the_order_of_time():
    x, y = values()
    order = np.random.default_rng(5).permutation(N)
    column = np.c_[x, AVERAGES["centred"](y)][order]
    assert not found(jt.Dataset.from_arrays(column, y[order]), "running averages")
    assert found(jt.Dataset.from_arrays(column, y[order], time=np.arange(N)[order]), "running averages")


def test_texts_and_streams_are_looked_at_by_what_fits_them():
    words = ["good", "bad", "so", "film", "a"]
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(words, 8)) for _ in range(100)]
    data = jt.Dataset.from_texts(texts, ["up", "down"] * 50, text=jt.Text("word", length=8))
    assert jt.check_data(data, without=["order of rows"]).checks
    told = [f"{text} {mood}" for text, mood in zip(texts, ["up", "down"] * 50, strict=True)]
    data = jt.Dataset.from_texts(told, ["up", "down"] * 50, text=jt.Text("word", length=9))
    (finding,) = found(data, "a feature alone")
    assert "token 'up'" in finding.text and "token 'down'" in finding.text
    assert jt.check_data(jt.data.adding_problem(100, 5), explain=False).ok
