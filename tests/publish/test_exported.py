"""A folder that was exported gives the library's predictions without the library."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.publish import predict
from jaxtricks.publish.exported import by_operations, chosen

# Programs without the library: what they must not import stands in `sys.modules` as None, which makes an import fail.
ALONE = """
import sys
sys.modules |= dict.fromkeys(("jaxtricks", "flax", "optax", "orbax"))
import jax
jax.config.update("jax_platforms", "cpu")
import jax.export, numpy as np
folder, where = sys.argv[1:]
model = jax.export.deserialize(bytearray(open(folder + "/model.stablehlo", "rb").read()))
x = np.load(where + "/x.npy")
np.save(where + "/outputs.npy", model.call(x)[0])
np.save(where + "/one.npy", model.call(x[:1])[0])
"""
BY_NUMPY = """
import sys
sys.modules |= dict.fromkeys(("jaxtricks", "jax", "flax", "scipy", "safetensors", "pyarrow"))
folder, where = sys.argv[1:]
sys.path.insert(0, folder + "/numpy")
import numpy as np
import predict
model = predict.NumpyModel()
x = np.load(where + "/x.npy")
np.save(where + "/probabilities.npy", model.probabilities(x))
np.save(where + "/predicted.npy", model.predict(x))
"""


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory) -> Path:
    return jt.publish.export(network, tmp_path_factory.mktemp("exported") / "model", ensemble=2)


def run(code, folder, where, x):
    np.save(where / "x.npy", x)
    subprocess.run([sys.executable, "-c", code, folder, where], check=True, capture_output=True, text=True, cwd=where)
    return lambda name: np.load(where / f"{name}.npy")


def of_numpy(runs) -> predict.NumpyModel:
    """The file for NumPy with what it would read."""
    made, data = by_operations(runs), runs.data
    model = predict.NumpyModel.__new__(predict.NumpyModel)
    model.arrays = made.arrays
    model.about = {
        "program": made.json,
        "task": data.task,
        "classes": data.classes,
        "members": runs.names,
        "shape": list(data.shape),
    }
    model.about |= {"dtype": data.x.dtype.name, "columns": None, "x_offset": None, "y_offset": None}
    model.about |= {"missing": False, "vocabulary": None, "lengths": False}
    return model


def test_jax_alone_gives_the_same_bits(network, digits, folder, tmp_path):
    found, whole = run(ALONE, folder, tmp_path, digits.x[:7]), network.at([0, 1])
    np.testing.assert_array_equal(found("outputs"), whole.log_probs(digits.x[:7]))
    np.testing.assert_array_equal(found("one"), whole.log_probs(digits.x[:1]))


def test_numpy_alone_gives_the_same_up_to_rounding(network, digits, folder, tmp_path):
    found, whole = run(BY_NUMPY, folder, tmp_path, digits.x[:50]), network.at([0, 1])
    assert np.abs(found("probabilities") - whole.probabilities(digits.x[:50])).max() <= 1e-6
    assert found("predicted").tolist() == whole.predict(digits.x[:50]).tolist()


def test_batch_norm_is_folded_into_the_weights_before_it(folder):
    names = [name for name, *_ in predict.NumpyModel(folder / "numpy").about["program"]["ops"]]
    assert names.count("dot_general") == 3 and "rsqrt" not in names
    assert not {"mul", "sub"} & set(names[names.index("dot_general") : names.index("dot_general") + 2])


def test_a_folder_gives_the_library_s_predictions_to_the_bit(network, digits, folder):
    model, whole = jt.publish.Published.of(folder), network.at([0, 1])
    np.testing.assert_array_equal(model.probabilities(digits.x), whole.probabilities(digits.x))
    np.testing.assert_array_equal(model.probabilities(digits.x, members=True), whole.probabilities(digits.x, members=True))
    assert model.predict(digits.x).tolist() == whole.predict(digits.x).tolist()
    assert model.record.baseline.names == network.names  # the numbers of all restarts
    np.testing.assert_allclose(model.record.baseline.metrics["nll"], network.metrics["nll"])
    np.testing.assert_array_equal(model.weights.arrays["params/head/bias"], whole.weights.arrays["params/head/bias"])


@pytest.mark.parametrize("kind", ["images", "homes"])
def test_other_models_and_data(kind, request, tmp_path):
    runs = request.getfixturevalue(kind)
    place = jt.publish.export(runs, tmp_path / "model")
    model, alone = jt.publish.Published.of(place), predict.NumpyModel(place / "numpy")
    if kind == "images":
        x = runs.data.x[:5]
    else:
        x = {
            "rooms": [3, None, 4],
            "town": [None, "Oslo", "Tromsø"],
            "sold": np.array(["2026-05-01", "2026-01-03", "2026-12-31"], "datetime64[D]"),
        }
    wanted = runs.probabilities(x)
    np.testing.assert_array_equal(model.probabilities(x), wanted)
    scale = 1.0 if kind == "images" else 1e6  # float32 has 24 bits
    assert np.abs(alone.probabilities(x) - wanted).max() <= 1e-6 * scale
    with pytest.raises(jt.DataError, match=r"x: shape \(2, 3\)|frame: the table has no column 'rooms'"):
        model.predict(np.zeros((2, 3)) if kind == "images" else {"town": ["Oslo"]})


@pytest.mark.parametrize(
    "model",
    [
        jt.MLP(widths=(6,) * 9, activation="swish", normalization="batch"),  # trained as one scan over stacked weights
        jt.MLP(widths=(8,), activation="maxout", normalization="layer", dropout="test_scaled"),
        jt.CNN(channels=(4, 4), normalization="group", pooling="average", lowering="direct", head="average"),
    ],
    ids=["deep", "maxout", "groups"],
)
def test_networks_that_numpy_computes(model, digits):
    runs = jt.fit(jt.Experiment(model=model, epochs=1, batch_size=80), digits, seeds=2, progress=False)
    wanted = runs.probabilities(digits.x[:20], members=True)
    assert np.abs(of_numpy(runs).probabilities(digits.x[:20], members=True) - wanted).max() <= 1e-6


def test_sequences_are_computed_step_by_step(tmp_path):
    draw = np.random.default_rng(0)
    data = jt.Dataset.from_texts(
        [" ".join(draw.choice(["so", "good", "long", "bad"], n)) for n in draw.integers(1, 6, 40)],
        ["up", "down"] * 20,
        text=jt.Text("word", length=5),
    )
    runs = jt.fit(
        jt.Experiment(model=jt.RNN(cell="gru", embedding=4, widths=(4,)), epochs=1, batch_size=16), data, seeds=2, progress=False
    )
    model = jt.publish.Published.of(jt.publish.export(runs, tmp_path / "model"))
    wanted = runs.probabilities(data.x[:6], data.lengths[:6])
    np.testing.assert_array_equal(model.probabilities(data.x[:6], data.lengths[:6]), wanted)
    assert np.abs(predict.NumpyModel(tmp_path / "model/numpy").probabilities(data.x[:6], data.lengths[:6]) - wanted).max() <= 1e-6
    with pytest.raises(jt.DataError, match="lengths: none are given; the true steps of each sequence are allowed"):
        model.predict(data.x[:6])
    x, lengths, alone = data.x[:6], data.lengths[:6], predict.NumpyModel(tmp_path / "model/numpy")
    for tokens, steps, says in (
        (x, None, "lengths: .*true steps of each sequence"),
        (x, 0 * lengths, "lengths: .*1 to 5"),
        (x, 5 + lengths, "lengths: .*1 to 5"),
        (x, lengths[:3], "lengths: "),
        (x, lengths + 0.5, "lengths: .*integers"),
        (x + len(data.vocabulary), lengths, f"x: .* from 0 to {len(data.vocabulary) - 1} "),
        (x - 9, lengths, "x: -"),
        (x[:, :4], lengths, r"x: .*shape \(6, 4\)"),
    ):
        for each in (model, alone):
            with pytest.raises(ValueError, match=says):
                each.predict(tokens, steps)


def test_what_is_refused(network, folder, tmp_path):
    with pytest.raises(jt.ConfigError, match=r"export: list is not the restarts of one experiment, such as jt\.fit gives"):
        jt.publish.push([network], "me/digits")
    with pytest.raises(jt.ConfigError, match=r"export: .*unexpected keyword argument 'esnemble'; write export\(runs, folder\)"):
        jt.publish.export(network, tmp_path / "model", esnemble=2)
    with pytest.raises(ValueError, match="holds something already"):
        jt.publish.export(network, folder)
    with pytest.raises(ValueError, match=r"is no model that `jaxtricks export` wrote: model\.json is missing"):
        jt.publish.Published.of(tmp_path)
    x = network.data.x[:2].astype(float)
    for each in (jt.publish.Published.of(folder), predict.NumpyModel(folder / "numpy")):
        for wrong in (x / 16, x + 250, x - 16, x * np.nan, np.where(x == 0, np.inf, x)):
            with pytest.raises(ValueError, match=r"x: .*(uint8|finite)"):
                each.predict(wrong)
        with pytest.raises(ValueError, match=r"lengths: .*None, for whole sequences"):
            each.predict(x, [1, 2])
        assert each.predict(x).tolist() == each.predict(network.data.x[:2]).tolist()


def test_another_format_is_refused(folder, monkeypatch):
    monkeypatch.setattr(predict, "FORMAT", 99)
    with pytest.raises(ValueError, match=r"model\.json has format 2; 99 is read here: export the run again"):
        jt.publish.Published.of(folder)
    with pytest.raises(ValueError, match=r"format 2; 99 is allowed, which this predict\.py reads"):
        predict.NumpyModel(folder / "numpy")


def test_numbers_that_nobody_lacked_are_finite(blobs, tmp_path):
    far = jt.Dataset.from_arrays(2**55 + np.arange(60)[:, None], np.arange(60) % 2)  # which float64 does not tell apart
    for data, wrong in ((blobs, blobs.x[:3].astype(float)), (far, 2.0**55 + np.zeros((3, 1)))):
        runs = jt.fit(jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1, batch_size=16), data, seeds=2, progress=False)
        place = jt.publish.export(runs, tmp_path / data.name)
        x = data.x[:3] if data is blobs else 2**55 + np.arange(3)[:, None]
        for each in (jt.publish.Published.of(place), predict.NumpyModel(place / "numpy")):
            assert np.abs(each.probabilities(x) - runs.probabilities(x)).max() <= 1e-6
            for bad in (np.nan, np.inf):
                wrong[1, 0] = bad
                with pytest.raises(ValueError, match=r"x: .*(nan|inf)"):
                    each.predict(wrong)
            with pytest.raises(ValueError, match="x: "):
                each.predict(np.asarray(x, str))


class Restarts:
    """What is asked of restarts to choose members."""

    alive = np.array([True, False, True, True])

    def __len__(self):
        return 4

    def at(self, rows):
        return rows


def test_members_are_the_first_that_trained_to_their_end():
    assert chosen(Restarts(), 2) == [0, 2] and chosen(Restarts(), None) == [0, 2, 3]
    with pytest.raises(
        jt.ConfigError, match="ensemble = 4 is not a number from 1 to 3, the restarts that trained to their end, of 4"
    ):
        chosen(Restarts(), 4)


def test_model_json_says_what_the_model_takes(folder, digits):
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert about["shape"] == [8, 8, 1] and about["dtype"] == "uint8" and about["members"] == ["seed 0", "seed 1"]
    assert about["classes"] == list(digits.classes) and about["stablehlo"]["platforms"] == ["cpu", "cuda", "tpu"]
