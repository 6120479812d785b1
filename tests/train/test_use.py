"""A trained model is used with inputs like those that it was trained on; others are refused in one sentence."""

import warnings
from functools import partial

import numpy as np
import pytest

import jaxtricks as jt

fit = partial(jt.fit, seeds=2, layout=jt.Layout(runs=1, width=2), progress=False)
BASE = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), batch_size=16, epochs=3)
DRAW = np.random.default_rng(0)


@pytest.fixture(scope="module")
def flowers():
    y = np.repeat(["rose", "tulip", "lily"], 20)
    x = np.repeat(4 * DRAW.normal(size=(3, 4)), 20, axis=0) + DRAW.normal(size=(60, 4))
    return jt.Dataset.from_arrays(x, np.unique(y, return_inverse=True)[1], classes=np.unique(y).tolist(), name="flowers")


@pytest.fixture(scope="module")
def runs(flowers):
    return fit(BASE, flowers)


@pytest.fixture(scope="module")
def photos():
    x = DRAW.integers(0, 256, (40, 6, 6, 3), np.uint8)
    return jt.Dataset.from_arrays(x, np.arange(40) % 2, name="photos")


@pytest.fixture(scope="module")
def seen(photos):
    return fit(BASE, photos)


def uses(runs):
    """Every way to use trained runs with inputs of one's own."""
    together = jt.ensemble(runs)
    return {
        "predict": runs.predict,
        "probabilities": runs.probabilities,
        "log_probs": runs.log_probs,
        "evaluate": lambda x: runs.evaluate(jt.data.Examples(x, np.zeros(len(x), np.int32))),
        "ensemble": together.predict,
        "ensemble.evaluate": lambda x: together.evaluate(jt.data.Examples(x, np.zeros(len(x), np.int32))),
        "batch_dependence": lambda x: jt.diagnose.batch_dependence(runs, x),
    }


WAYS = ["predict", "probabilities", "log_probs", "evaluate", "ensemble", "ensemble.evaluate", "batch_dependence"]


@pytest.mark.parametrize("how", WAYS)
def test_one_column_for_four_is_refused_and_not_broadcast(runs, how):
    with pytest.raises(jt.DataError) as caught:
        uses(runs)[how](np.zeros((5, 1), np.float32))
    assert str(caught.value) == "x: shape (5, 1), and flowers holds inputs of shape (4,); [examples, 4] is allowed."


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((5, 3), "[examples, 4] is allowed."),
        ((4,), "[examples, 4] is allowed: one example is x[None]."),
        ((2, 2, 4), "[examples, 4] is allowed."),
    ],
)
def test_another_width_is_one_sentence(runs, shape, hint):
    with pytest.raises(jt.DataError) as caught:
        runs.predict(np.zeros(shape))
    assert str(caught.value) == f"x: shape {shape}, and flowers holds inputs of shape (4,); {hint}"


def test_images_channels_first_are_told_how_to_be_turned(seen, photos):
    first = photos.x[:4].transpose(0, 3, 1, 2)
    with pytest.raises(jt.DataError, match=r"\[examples, 6, 6, 3\] is allowed, channels last: x.transpose\(0, 2, 3, 1\)\.$"):
        seen.predict(first)
    np.testing.assert_array_equal(seen.predict(first.transpose(0, 2, 3, 1)), seen.predict(photos.x[:4]))
    with pytest.raises(jt.DataError, match=r"\[examples, 8, 8, 1\] is allowed: x\[\.\.\., None\]\.$"):
        jt.data.inputs_for(jt.load("digits"), np.zeros((2, 8, 8)))


def test_pixels_from_0_to_1_are_refused_where_bytes_were_trained_on(seen, photos):
    for x, found in (
        (photos.x / 255, "float64 from 0 to 1"),
        (photos.x / 255.0 * 2 - 1, "float64 from -1 to 1"),
        (photos.x * 2.5, "float64 from 0 to 637.5"),
        (photos.x.astype(int) * 2, "int64 from 0 to 510"),
        ((photos.x > 100).astype(np.float32), "float32 from 0 to 1"),
    ):
        with pytest.raises(
            jt.DataError, match=rf"^x: {found}, and photos holds whole numbers \(uint8\) from 0 to 255; .* allowed"
        ):
            seen.predict(x)
    with pytest.raises(jt.DataError, match=r"as np.rint\(x \* 255\)\.$"):
        seen.predict(photos.x / 255)
    np.testing.assert_array_equal(seen.log_probs(np.rint(photos.x / 255 * 255)), seen.log_probs(photos.x))
    np.testing.assert_array_equal(seen.log_probs(photos.x.astype(np.int64)), seen.log_probs(photos.x))


def test_other_scales_bring_a_warning(runs, flowers):
    with pytest.warns(UserWarning, match=r"^x: number 0 of an input is .*, and flowers holds .*: predictions so far outside"):
        runs.predict(100 * flowers.x)
    with pytest.warns(UserWarning, match=r"^x: its 60 examples vary by less than 0.02 of the range of flowers"):
        runs.predict(flowers.x / 255)


def test_no_false_alarm_for_new_examples_of_the_same_kind():
    """Of normal, skewed, counted and rare features, alone and together."""
    draw = np.random.default_rng(1)

    def some(n):
        return np.stack(
            [draw.normal(size=n), draw.lognormal(sigma=1.5, size=n), draw.poisson(0.3, n), draw.random(n) < 0.02], axis=1
        )

    data = jt.Dataset.from_arrays(some(200), np.arange(200) % 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in (1, 2, 50, 1000):
            for _ in range(50):
                jt.data.inputs_for(data, some(size))


def test_another_split_than_a_run_has_is_refused(runs):
    for split in ("test", runs.data):
        with pytest.raises(jt.ConfigError, match=r"is not 'train', 'validation', or examples such as Dataset\.open_test gives"):
            runs.evaluate(split)


def test_nan_and_nothing_are_refused(runs):
    with pytest.raises(jt.DataError, match=r"^x: example 1 holds nan as float32; finite numbers are allowed.$"):
        runs.predict(np.array([[0.0] * 4, [np.nan] * 4]))
    with pytest.raises(jt.DataError, match=r"^x: shape \(0, 4\) holds no examples; at least one is allowed.$"):
        runs.predict(np.zeros((0, 4)))


def test_classes_are_predicted_by_name(runs, flowers):
    together, each = runs.predict(flowers.x), runs.predict(flowers.x, members=True)
    assert set(together) <= {"rose", "tulip", "lily"} and together.shape == (60,) and each.shape == (2, 60)
    assert np.mean(together == np.array(flowers.classes)[flowers.y]) > 0.8
    probabilities = runs.probabilities(flowers.x, members=True)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(runs.probabilities(flowers.x), probabilities.mean(axis=0))
    np.testing.assert_array_equal(jt.ensemble(runs).predict(flowers.x), together)
    np.testing.assert_array_equal(each, np.array(flowers.classes)[probabilities.argmax(axis=-1)])


def test_labels_and_values_are_predicted_in_the_user_s_terms(flowers):
    signs = jt.Dataset.from_arrays(flowers.x, (flowers.x[:, :2] > 0).astype(int), task="multilabel")
    labels = fit(BASE, signs).predict(signs.x)
    assert labels.shape == (60, 2) and set(np.unique(labels)) == {0, 1} and np.mean(labels == signs.y) > 0.7
    prices = jt.Dataset.from_arrays(flowers.x, 1e5 * flowers.x[:, :1] + 4e5)
    runs = fit(BASE.replace({"epochs": 20}), prices)
    values = runs.predict(prices.x)
    assert values.shape == (60, 1) and np.corrcoef(values[:, 0], prices.y[:, 0])[0, 1] > 0.8
    assert 1e5 < values.mean() < 9e5
    np.testing.assert_allclose(runs.predict(prices.x, members=True).mean(axis=0), values, rtol=1e-6)


def test_rows_of_a_table_are_predicted_in_the_target_s_units():
    """Columns in another order, one that was not used, an unseen category, and a column without a value."""
    pandas = pytest.importorskip("pandas")
    draw = np.random.default_rng(0)
    rooms, city = draw.integers(1, 7, 120), np.array(["Bonn", "Kiel"])[draw.integers(0, 2, 120)]
    price = 1e5 * rooms + 2e5 * (city == "Bonn") + 5e3 * draw.normal(size=120)
    age = np.where(draw.random(120) < 0.2, np.nan, draw.integers(0, 90, 120))
    table = pandas.DataFrame({"rooms": rooms, "city": city, "age": age, "price": price})
    homes = jt.Dataset.from_frame(table, target="price")
    runs = fit(BASE.replace({"epochs": 30}), homes)
    found = runs.predict(table[["age", "city", "rooms", "price"]])
    assert np.abs(found[:, 0] - price).mean() < 5e4 and homes.classes == ("price",)
    np.testing.assert_allclose(jt.ensemble(runs).predict(table), found, rtol=1e-5)
    new = pandas.DataFrame({"city": ["Bonn", "Ulm"] * 15, "rooms": [3, 4] * 15, "age": [None] * 30})
    assert np.isfinite(runs.predict(new)).all()
    with pytest.raises(jt.DataError, match="rooms"):
        runs.predict(table.drop(columns="rooms"))
