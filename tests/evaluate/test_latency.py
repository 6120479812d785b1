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


@pytest.mark.parametrize(("each", "timed"), [(3.0, 1), (0.4, 11), (0.04, 115)])
def test_slow_calls_end_after_five_seconds_with_all_that_came_before(monkeypatch, each, timed):
    now = [0.0]

    def call():
        now[0] += each
        return 0

    monkeypatch.setattr(latency.time, "perf_counter", lambda: now[0])
    found = latency._timed(call, 1, [])
    assert abs(found.calls - timed) <= 1 and found.p50 == pytest.approx(each) and found.joules is None
    assert now[0] < max(latency.MOST, 2 * each) + each
    assert f"  {found.calls} " in str(Serving("cpu", (found,)))


def test_energy_is_shared_among_predictions(monkeypatch, quick):
    used = itertools.count(10, 30)
    found = latency._timed(lambda: 0, 5, [Meter("all", lambda: next(used))])
    assert found.joules == pytest.approx(30 / (3 * 5))
    said = str(Serving("cpu", (Latency(1, 3, 0.1, 0.1, 0.1, joules=0.002),), meters=("all",)))
    assert "mJ/prediction" in said and "2.0000" in said and "energy by all" in said


@pytest.fixture
def cpu():
    return types.SimpleNamespace(platform="cpu")


def test_processors_are_counted_whole_and_once_and_counters_turn(tmp_path, cpu):
    shown = ("intel-rapl:0", "package-0", 5), ("intel-rapl:0:0", "core", 3), ("intel-rapl:1", "psys", 9)
    for folder, name, joules in shown:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(f"{name}\n")
        (tmp_path / folder / "energy_uj").write_text(f"{joules}000000\n")
        (tmp_path / folder / "max_energy_range_uj").write_text("262000000\n")
    (tmp_path / "intel-rapl:2").mkdir()  # of which nothing may be read
    (meter,) = meters.meters(cpu, tmp_path)
    assert meter.name == "package-0" and meter.read() == 5.0 and meter.since(260.0) == pytest.approx(7.0)


@pytest.fixture
def nvidia(monkeypatch):
    """CUDA sees one of two GPUs, the one that is second for NVML; the library can be changed."""
    addresses, joules = {0: b"0000:3B:00.0"}, {b"0000:18:00.0": 7_000, b"0000:3B:00.0": 1_500}

    def address(buffer, size, number):
        buffer.value = addresses[number.value]
        return 0

    def handle(place, pointer):
        pointer._obj.value = 1 + sorted(joules).index(place.value)
        return 0

    def energy(device, pointer):
        pointer._obj.value = joules[sorted(joules)[device.value - 1]]
        return 0

    def get(pointer, number):
        pointer._obj.value = number
        return 0 if number in addresses else 101

    library = types.SimpleNamespace(
        cuInit=lambda flags: 0,
        cuDeviceGet=get,
        cuDeviceGetPCIBusId=address,
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetHandleByPciBusId_v2=handle,
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    return library


def test_the_gpu_that_computes_is_counted_and_no_other(nvidia, tmp_path, cpu):
    gpu = types.SimpleNamespace(platform="gpu", local_hardware_id=0)
    (meter,) = meters.meters(gpu, tmp_path)
    assert meter.name == "GPU 0000:3B:00.0" and meter.read() == 1.5
    assert meters.meters(cpu, tmp_path) == []
    assert meters.meters(types.SimpleNamespace(platform="gpu", local_hardware_id=1), tmp_path) == []


def test_a_gpu_or_driver_that_does_not_count_gives_no_meter(nvidia, tmp_path):
    gpu = types.SimpleNamespace(platform="gpu", local_hardware_id=0)
    nvidia.nvmlDeviceGetTotalEnergyConsumption = lambda device, pointer: 3
    assert meters.meters(gpu, tmp_path) == []
    del nvidia.nvmlDeviceGetTotalEnergyConsumption
    assert meters.meters(gpu, tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"batches": (0,)}, r"batches = \[0\] holds 0"), ({"price": -1.0}, r"price = -1\.0 is not a number of \$ per hour")],
)
def test_what_cannot_be_is_refused(wrong, says):
    with pytest.raises(jt.ConfigError, match=says):
        serving(jt.Experiment(), jt.load("digits"), **wrong)
