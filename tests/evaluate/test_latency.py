"""What predictions cost in use: times and prices, and the counters of energy."""

import ctypes
import itertools
import json
import types

import pytest

import jaxtricks as jt
from jaxtricks.evaluate import Latency, Serving, latency, meters, serving
from jaxtricks.evaluate.meters import Meter


@pytest.fixture
def quick(monkeypatch):
    """Few calls are timed."""
    monkeypatch.setattr(latency, "CALLS", 3)
    monkeypatch.setattr(latency, "LEAST", 0.0)


@pytest.mark.parametrize("model", [jt.MLP(widths=(4,)), jt.CNN(channels=(2,))])
def test_every_batch_is_timed_and_has_a_price(model, quick):
    found = serving(jt.Experiment(model=model), jt.load("digits"), batches=(1, 5), price=0.36)
    assert [row.batch for row in found.rows] == [1, 5] and all(0 < row.p50 <= row.p99 and row.calls == 3 for row in found.rows)
    assert found.rows[1].dollars(0.36) == pytest.approx(1e6 * found.rows[1].mean / 5 * 0.36 / 3600)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["rows"][0]["dollars_a_million"] == found.rows[0].dollars(0.36)
    assert "$/million" in str(found) and "10⁻⁶ $ is 1 $ a million" in str(found)


def test_texts_are_timed_too(quick):
    data = jt.Dataset.from_texts(["so good and long", "so bad"] * 20, ["up", "down"] * 20, text=jt.Text("word", length=4))
    assert len(serving(jt.Experiment(model=jt.RNN(widths=(2,)), batch_size=8), data, batches=(2,)).rows) == 1


def test_slow_calls_are_timed_for_some_seconds_only(monkeypatch):
    clock = itertools.count(step=2.0)
    monkeypatch.setattr(latency.time, "perf_counter", lambda: next(clock))
    found = latency._timed(lambda: 0, 1, [])
    assert found.calls == latency.FEWEST and found.p50 == found.p99 == found.mean == 2.0 and found.joules is None


def test_energy_is_shared_among_predictions(monkeypatch, quick):
    used = itertools.count(10, 30)
    found = latency._timed(lambda: 0, 5, [Meter("all", lambda: next(used))])
    assert found.joules == pytest.approx(30 / (3 * 5))
    said = str(Serving("cpu", (Latency(1, 3, 0.1, 0.1, 0.1, joules=0.002),), meters=("all",)))
    assert "mJ/prediction" in said and "2.0000" in said and "energy by all" in said


def test_processors_are_counted_whole_and_counters_turn(tmp_path):
    for name, joules in (("intel-rapl:0", 5), ("intel-rapl:0:0", 3)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text("package-0\n")
        (tmp_path / name / "energy_uj").write_text(f"{joules}000000\n")
        (tmp_path / name / "max_energy_range_uj").write_text("262000000\n")
    (tmp_path / "intel-rapl:1").mkdir()  # of which nothing may be read
    (meter,) = meters.meters(tmp_path, "none.so")
    assert meter.name == "package-0" and meter.read() == 5.0 and meter.since(260.0) == pytest.approx(7.0)


def test_gpus_count_unless_they_do_not(monkeypatch, tmp_path):
    def count(pointer):
        pointer._obj.value = 2
        return 0

    def handle(number, pointer):
        pointer._obj.value = number.value + 1
        return 0

    def energy(device, pointer):
        pointer._obj.value = 1500
        return 3 if device.value == 2 else 0

    library = types.SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetCount_v2=count,
        nvmlDeviceGetHandleByIndex_v2=handle,
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    (meter,) = meters.meters(tmp_path)
    assert meter.name == "GPU 0" and meter.read() == 1.5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"batches": (0,)}, r"batches = \[0\] holds 0"), ({"price": -1.0}, r"price = -1\.0 is not a number of \$ per hour")],
)
def test_what_cannot_be_is_refused(wrong, says):
    with pytest.raises(jt.ConfigError, match=says):
        serving(jt.Experiment(), jt.load("digits"), **wrong)
