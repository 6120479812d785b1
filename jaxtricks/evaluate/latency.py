"""What predictions cost in use: time, money, and energy where the machine counts it."""

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxtricks import rng
from jaxtricks.config import ConfigError, rebuild
from jaxtricks.data import Dataset
from jaxtricks.evaluate.meters import Meter, meters
from jaxtricks.evaluate.written import table
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart.member import Pool, applied, drawn
from jaxtricks.train.prepare import prepare, shapes

BATCHES = (1, 64)
WARM = 10  # calls before the first that counts, or as many as take the seconds of `LEAST`
CALLS, LEAST, MOST = 1_000, 0.5, 5.0  # so many calls and seconds at least, and none begins after so many seconds
HOUR, MILLION = 3600, 1e6


@dataclass(frozen=True)
class Latency:
    """The time of a call for a batch, from arrays on the host to scores on the host, compiled and warmed.

    Args:
        batch: predictions of a call.
        calls: how many were timed, one after the other; of less than a hundred p99 is about the longest.
        p50: half of them took no longer, in seconds.
        p99: 99% of them took no longer, in seconds.
        mean: their mean, in seconds.
        joules: of a prediction; None: the machine does not tell.

    >>> round(Latency(batch=64, calls=1000, p50=0.001, p99=0.002, mean=0.00128).dollars(price=0.36), 6)
    0.002
    """

    batch: int
    calls: int
    p50: float
    p99: float
    mean: float
    joules: float | None = None

    def dollars(self, price: float) -> float:
        """The price of a million predictions on a machine that does nothing else and is never idle.

        Args:
            price: of the machine, per hour.
        """
        return MILLION * self.mean / self.batch * price / HOUR


@dataclass(frozen=True)
class Serving:
    """What predictions of one restart cost on a device, in batches of several sizes; an ensemble of k costs about k times that.

    Args:
        device: its kind.
        rows: for each size of a batch.
        price: of the machine, in $ per hour; None: not known.
        meters: the names of the counters of energy; empty where there are none.

    >>> row = Latency(batch=1, calls=1000, p50=0.001, p99=0.002, mean=0.001)
    >>> print(Serving("cpu", (row,), price=0.36))
    batch  calls  p50 (ms)  p99 (ms)  predictions/s  $/million
    1      1,000     1.000     2.000          1,000     0.1000
    timed on cpu, from the host's arrays and back; a recommendation for 10⁻⁶ $ is 1 $ a million; no counter of energy can be read
    """

    device: str
    rows: tuple[Latency, ...]
    price: float | None = None
    meters: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        rows = [
            dataclasses.asdict(row) | {"dollars_a_million": None if self.price is None else row.dollars(self.price)}
            for row in self.rows
        ]
        return {"device": self.device, "price": self.price, "meters": list(self.meters), "rows": rows}

    def __str__(self) -> str:
        title = ["batch", "calls", "p50 (ms)", "p99 (ms)", "predictions/s"]
        lines = [
            [f"{r.batch}", f"{r.calls:,}", f"{1e3 * r.p50:.3f}", f"{1e3 * r.p99:.3f}", f"{r.batch / r.mean:,.0f}"]
            for r in self.rows
        ]
        if self.price is not None:
            title.append("$/million")
            lines = [[*line, f"{row.dollars(self.price):.4f}"] for line, row in zip(lines, self.rows, strict=True)]
        if self.meters:
            title.append("mJ/prediction")
            lines = [[*line, f"{1e3 * (row.joules or math.nan):.4f}"] for line, row in zip(lines, self.rows, strict=True)]
        money = (
            "a price per hour would give one a prediction"
            if self.price is None
            else "a recommendation for 10⁻⁶ $ is 1 $ a million"
        )
        energy = f"energy by {', '.join(self.meters)}" if self.meters else "no counter of energy can be read"
        return "\n".join([*table([title, *lines]), f"timed on {self.device}, from the host's arrays and back; {money}; {energy}"])


@takes
def serving(experiment: Experiment, data: Dataset, *, batches: Sequence[int] = BATCHES, price: float | None = None) -> Serving:
    """Times predictions of a network with drawn weights on the first device, and says what they cost (T115).

    For each size of a batch the network is compiled and called ten times, or until half a second is over; then calls are timed
    one after the other, a thousand or more in half a second or more. Five seconds after the first of all these calls no other
    one begins, but one is timed in any case, and the answer says how many were. The scaling of inputs is left out. Another
    program on the machine makes the times longer.

    Args:
        experiment: the network.
        data: the data set, whose first examples are predicted.
        batches: sizes of batches.
        price: of the machine, in $ per hour; None: not known.

    Raises:
        ConfigError: where the experiment does not fit the data; for an impossible size or price.

    >>> found = jt.evaluate.serving(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits"), batches=(1,), price=0.1)
    >>> found.rows[0].p50 <= found.rows[0].p99, found.rows[0].calls >= 1000
    (True, True)
    """
    if price is not None and not (math.isfinite(price) and price >= 0):
        raise ConfigError(f"price = {price} is not a number of $ per hour >= 0.")
    for size in batches:
        if size < 1:
            raise ConfigError(f"batches = {list(batches)} holds {size}, which is not a number of examples >= 1.")
    experiment = rebuild(experiment, pruned=None, accumulate=1, batch_size=1)
    ready = prepare(experiment, data, len(data.split(0).train))
    dtype = shapes(ready, data)[0].x.dtype
    device = jax.devices()[0]
    counters = meters(device)
    variables = jax.jit(lambda key, batch: drawn(ready, key, batch))(rng.root(0), _batch(data, 1, dtype))
    answer = jax.jit(lambda variables, batch: applied(ready, variables, batch, train=False)[0])
    rows = []
    for size in batches:
        batch = _batch(data, size, dtype)
        rows.append(_timed(functools.partial(answer.lower(variables, batch).compile(), variables, batch), size, counters))
    return Serving(device.device_kind, tuple(rows), price, tuple(meter.name for meter in counters))


def _batch(data: Dataset, size: int, dtype: Any) -> Pool:
    """Inputs on the host, of about the size that scaled ones have."""
    examples = data.pool.at(np.arange(size) % len(data))
    x = np.nan_to_num(examples.x.astype(dtype) / data.scale) if np.issubdtype(dtype, np.floating) else examples.x
    return Pool.on_host(data, examples._replace(x=x.astype(dtype)))


def _timed(call: Callable[[], Any], size: int, counters: Sequence[Meter]) -> Latency:
    """The times of one call after the other, each until its scores are on the host."""
    begun = time.perf_counter()
    for _ in range(WARM):
        np.asarray(call())
        if time.perf_counter() - begun >= LEAST:
            break
    before = [meter.read() for meter in counters]
    seconds: list[float] = []
    start = now = time.perf_counter()
    while not seconds or (now - begun < MOST and (len(seconds) < CALLS or now - start < LEAST)):
        first = now
        np.asarray(call())
        now = time.perf_counter()
        seconds.append(now - first)
    used = sum(meter.since(read) for meter, read in zip(counters, before, strict=True))
    taken: Float[np.ndarray, " calls"] = np.array(seconds)
    p50, p99 = np.quantile(taken, (0.5, 0.99))
    each = used / (len(taken) * size) if counters else None
    return Latency(size, len(taken), float(p50), float(p99), float(taken.mean()), each)
