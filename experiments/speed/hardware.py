"""What this machine's devices are good at: products by size, many small ones against one big one, transfers, threads.

Everything is in single precision (`precision="highest"`), on arrays that are on their device already, and a call is timed until
its result is there: starting it counts. What is compared takes turns; of five calls in a row the fastest counts, and of three
such rounds the median. Each part runs in a process of its own. `python -m experiments.speed.hardware --help`.

A lecture says (T085, T093): "GPUs love big operations, but hate doing lots of them", a CPU is "quick to start", and a TPU
"usually is cheaper in terms of per-watt or per-dollar performance". The first two are measured on whatever is there. The last
needs a TPU, its price and a meter, and is recorded and not measured.
"""

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, alone, device_name, show

MODULE = "experiments.speed.hardware"
Platform = Literal["cpu", "accelerator"]
SIZES: dict[Platform, tuple[int, ...]] = {
    "cpu": (16, 32, 64, 128, 256, 512, 1_024),
    "accelerator": (16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096),
}
SMALL: dict[Platform, tuple[int, ...]] = {"cpu": (16, 64, 256), "accelerator": (16, 64, 256, 1_024)}
MANY = 100
BYTES = (4_096, 2**20, 2**26)
CHAIN = 6
ONE_BY_ONE, TOGETHER, BIG = "one by one", "in one program", "one big"
SECONDS = 120  # after which a part is given up
TPU = (
    'T093, of TPUs: "Usually is cheaper in terms of per-watt or per-dollar performance", "Scales better than GPUs": recorded, '
    "not measured; it needs TPUs, and their price or a meter."
)


def devices(platform: Platform) -> list[Any]:
    """The devices of a platform; of a CPU two cores as two devices, where JAX shows them; none where there is no accelerator."""
    import jax

    if platform == "cpu":
        return list(jax.devices("cpu"))
    return [device for device in jax.devices() if device.platform != "cpu"]


def two_cores() -> None:
    """Has JAX show two of the CPU's cores as two devices; it asks for that before its backend starts."""
    import jax

    jax.config.update("jax_num_cpu_devices", 2)


def turns(arms: Mapping[str, Any], rounds: int, *problem: Any) -> dict[str, float]:
    """The median over rounds of the seconds of each function."""
    from experiments.recurrent._timing import seconds

    return {name: statistics.median(found.tolist()) for name, found in seconds(arms, [problem] * rounds).items()}


def normal(*shape: int) -> Any:
    """An array of normal numbers on the host, the same each time."""
    import numpy as np

    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def multiply(a: Any, b: Any) -> Any:
    """What is timed."""
    import jax.numpy as jnp

    return jnp.matmul(a, b, precision="highest")


def products(platform: Platform, sizes: Sequence[int], rounds: int) -> Timed:
    """n×n times n×n, for each n."""
    import jax

    def timed() -> dict[str, Any]:
        device, run, found = devices(platform)[0], jax.jit(multiply), {}
        for n in sizes:
            a, b = jax.device_put((normal(n, n), normal(n, n)), device)
            found[n] = turns({"": run}, rounds, a, b)[""]
        return {"times": found}

    return timed


def small(platform: Platform, sizes: Sequence[int], rounds: int) -> Timed:
    """One n×n matrix times a hundred others: a call for each, one program with a product for each, or one product with all."""
    import jax

    def timed() -> dict[str, Any]:
        device, found = devices(platform)[0], {}
        run, every = jax.jit(multiply), jax.jit(lambda w, parts, whole: [multiply(w, part) for part in parts])
        arms = {
            ONE_BY_ONE: lambda w, parts, whole: [run(w, part) for part in parts],
            TOGETHER: every,
            BIG: lambda w, parts, whole: run(w, whole),
        }
        for n in sizes:
            whole = normal(n, MANY * n)
            parts = [whole[:, k * n : (k + 1) * n].copy() for k in range(MANY)]
            found[n] = turns(arms, rounds, *jax.device_put((normal(n, n), parts, whole), device))
        return {"times": found}

    return timed


def transfers(platform: Platform, sizes: Sequence[int], rounds: int) -> Timed:
    """Arrays of some bytes from the host to a device and back; on a CPU both are the same memory, and it is a copy."""
    import jax
    import numpy as np

    def timed() -> dict[str, Any]:
        from experiments.recurrent._timing import seconds

        device, found = devices(platform)[0], {}
        for size in sizes:
            host = normal(size // 4)
            to = turns({"to": lambda host: jax.device_put(host, device, may_alias=False)}, rounds, host)
            # An array keeps what it once gave to the host: each call has one of its own, and the first call does not count.
            held = [(jax.device_put(host, device, may_alias=False),) for _ in range(2 * rounds + 1)]
            found[size] = to | {"from": statistics.median(seconds({"": np.array}, held, calls=1)[""][1:].tolist())}
        return {"times": found}

    return timed


def threads(sizes: Sequence[int], rounds: int) -> Timed:
    """n×n products on the CPU with the library's threads and with one."""
    import jax

    def timed() -> dict[str, Any]:
        device, found = devices("cpu")[0], {}
        for n in sizes:
            a, b = jax.device_put((normal(n, n), normal(n, n)), device)
            lowered = jax.jit(multiply).lower(a, b)
            options = {"one thread": False, "its threads": True}
            arms = {name: lowered.compile({"xla_cpu_multi_thread_eigen": value}) for name, value in options.items()}
            found[n] = turns(arms, rounds, a, b)
        return {"times": found}

    return timed


def _first(both: Callable[..., Any], here: Any, there: Any) -> Any:
    """Both pieces of work by one device."""
    return both(*here)


def _each(one: Callable[..., Any], other: Callable[..., Any], here: Any, there: Any) -> Any:
    """A piece of work by each device, started without waiting for the other."""
    return one(*here), other(*there)


def operations(platform: Platform, sizes: Sequence[int], rounds: int) -> Timed:
    """Two chains of products that do not depend on each other, on one device and on two; no pool of threads on a CPU."""
    if platform == "cpu":
        two_cores()
    import jax
    import jax.numpy as jnp

    def chain(x: Any, w: Any) -> Any:
        for _ in range(CHAIN):
            x = jnp.tanh(multiply(x, w))
        return x

    def timed() -> dict[str, Any]:
        first, second = devices(platform)[:2]
        options: Any = {"xla_cpu_multi_thread_eigen": False} if platform == "cpu" else {}
        found = {}
        for n in sizes:
            x, w = normal(n, n), normal(n, n) / n**0.5
            here, there = jax.device_put((x, w), first), jax.device_put((x, w), second)
            both = jax.jit(lambda x, w: (chain(x, w), chain(x + 1, w))).lower(*here).compile(options)
            one, other = (jax.jit(chain).lower(*given).compile(options) for given in (here, there))
            arms = {"one device": partial(_first, both), "two devices": partial(_each, one, other)}
            found[n] = turns(arms, rounds, here, there)
        return {"times": found}

    return timed


def data(platform: Platform, batch: int, width: int, rounds: int) -> Timed:
    """The gradient of a network of three layers over a batch, on one device and shared by two; no pool of threads on a CPU."""
    if platform == "cpu":
        two_cores()
    import jax
    import jax.numpy as jnp
    from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

    def loss(weights: Any, x: Any, y: Any) -> Any:
        for w in weights[:-1]:
            x = jax.nn.relu(multiply(x, w))
        return jnp.square(multiply(x, weights[-1]) - y).mean()

    def timed() -> dict[str, Any]:
        import numpy as np

        from experiments.recurrent._timing import difference

        pair = devices(platform)[:2]
        options: Any = {"xla_cpu_multi_thread_eigen": False} if platform == "cpu" else {}
        mesh = Mesh(np.array(pair), ("data",), axis_types=(AxisType.Auto,))
        rows, copied = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
        weights, x, y = [normal(width, width) / width**0.5] * 3, normal(batch, width), normal(batch, width)
        whole = jax.device_put((weights, x, y), pair[0])
        halves = jax.device_put(weights, copied), jax.device_put(x, rows), jax.device_put(y, rows)
        one = jax.jit(jax.grad(loss)).lower(*whole).compile(options)
        two = jax.jit(jax.grad(loss), out_shardings=copied).lower(*halves).compile(options)
        arms = {"one device": lambda whole, halves: one(*whole), "two devices": lambda whole, halves: two(*halves)}
        return {"times": turns(arms, rounds, whole, halves), "difference": difference(two(*halves), one(*whole))}

    return timed


def platforms() -> Timed:
    """How many devices JAX shows; of a CPU two cores can be devices."""
    two_cores()
    return lambda: {"platforms": {name: len(devices(name)) for name in SIZES}}


CONTESTANTS: dict[str, Callable[..., Timed]] = {
    "products": products,
    "small": small,
    "transfers": transfers,
    "threads": threads,
    "operations": operations,
    "data": data,
    "platforms": platforms,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times products, transfers, threads and data parallelism on the devices that are there.

    Args:
        rounds: of which the median counts.
        json: print one JSON object instead of text.
    """

    rounds: int = 3
    json: bool = False


def parts(there: Mapping[Platform, int], rounds: int) -> list[tuple[str, str, dict[str, Any]]]:
    """What is to be measured: its title, the contestant and its arguments."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for name in (platform for platform, count in there.items() if count):
        own = {"platform": name, "rounds": rounds}
        found += [
            (f"products, {name}", "products", own | {"sizes": SIZES[name]}),
            (f"many small, {name}", "small", own | {"sizes": SMALL[name]}),
            (f"transfers, {name}", "transfers", own | {"sizes": BYTES}),
        ]
        if there[name] > 1:
            found += [
                (f"operations, {name}", "operations", own | {"sizes": (32, 128, 512)}),
                (f"data, {name}", "data", own | {"batch": 1_024, "width": 256}),
            ]
    return [*found, ("threads, cpu", "threads", {"sizes": (32, 128, 512, 1_024), "rounds": rounds})]


def table(title: str, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one part.

    Args:
        title: of the part.
        figures: what its process answered; keys of JSON are words.
    """
    kind, _, platform = title.partition(", ")
    times = figures["times"]
    if kind == "products":
        return [
            {"name": f"{n}×{n} product, {platform}", "ms": 1e3 * t, "GFLOP/s": 2e-9 * int(n) ** 3 / t} for n, t in times.items()
        ]
    if kind == "transfers":
        return [_transfer(int(size), found, platform) for size, found in times.items()]
    if kind == "data":
        return [_compared("gradient of a batch of 1,024", platform, times) | {"gradients differ by": figures["difference"]}]
    what = {"many small": f"{MANY} products of {{0}}×{{0}}", "operations": "two chains at n = {0}", "threads": "{0}×{0} product"}
    return [_compared(what[kind].format(n), platform, found) for n, found in times.items()]


def _compared(what: str, platform: str, times: Mapping[str, float]) -> dict[str, Any]:
    """A row of what takes turns: each in milliseconds, and the last over the first."""
    first, *_, last = times
    return (
        {"name": f"{what}, {platform}"}
        | {f"{name} (ms)": 1e3 * t for name, t in times.items()}
        | {"ratio": times[last] / times[first]}
    )


def _transfer(size: int, found: Mapping[str, float], platform: str) -> dict[str, Any]:
    """A row of a transfer: its time and rate, both ways."""
    to, back = found["to"], found["from"]
    return {
        "name": f"{size:,} bytes, host and {platform}",
        "to (µs)": 1e6 * to,
        "from (µs)": 1e6 * back,
        "to (GB/s)": 1e-9 * size / to,
        "from (GB/s)": 1e-9 * size / back,
    }


def crossover(times: Mapping[Platform, Mapping[str, float]]) -> str:
    """From which size of a product on the accelerator is faster than the CPU, in a sentence.

    >>> crossover({"cpu": {"16": 1.0, "32": 8.0}, "accelerator": {"16": 2.0, "32": 2.0}})
    'crossover: from 32×32 on a product takes less time on the accelerator, at 32×32 0.25 times as long as on the CPU.'
    """
    if len(times) < 2:
        return "crossover of CPU and accelerator: not measured; JAX shows no accelerator here."
    both = [(int(n), times["accelerator"][n] / times["cpu"][n]) for n in times["cpu"]]
    faster = [n for place, (n, _) in enumerate(both) if all(ratio < 1 for _, ratio in both[place:])]
    largest, ratio = both[-1]
    if not faster:
        return f"crossover: none up to {largest}×{largest}, where the accelerator takes {ratio:.3g} times as long as the CPU."
    return (
        f"crossover: from {faster[0]}×{faster[0]} on a product takes less time on the accelerator, at {largest}×{largest} "
        f"{ratio:.3g} times as long as on the CPU."
    )


def measure(rounds: int) -> tuple[list[dict[str, Any]], list[Target], list[str]]:
    """Rows, targets (there are none: it is a report) and sentences of one run of the benchmark."""
    there: dict[Platform, int] = alone(MODULE, "platforms", {}, {}, 1, SECONDS)[0]["platforms"]
    rows: list[dict[str, Any]] = []
    sentences: list[str] = []
    times: dict[Platform, dict[str, float]] = {}
    for title, contestant, arguments in tqdm(parts(there, rounds), desc="parts"):
        try:
            (figures,) = alone(MODULE, contestant, arguments, {}, 1, SECONDS)
        except RuntimeError as error:
            sentences.append(f"{title}: not measured; {error}.")
            continue
        rows += table(title, figures)
        if contestant == "products":
            times[arguments["platform"]] = figures["times"]
    sentences.append(crossover(times))
    if there["cpu"] < 2 and there["accelerator"] < 2:
        sentences.append("operations and data parallelism: not measured; they need two devices, and there is one.")
    if not there["accelerator"]:
        sentences.append("transfers to an accelerator: not measured; on the CPU they are copies inside of one memory.")
    elif there["accelerator"] < 2:
        sentences.append("operations and data parallelism on accelerators: not measured; there is one.")
    return rows, [], [*sentences, TPU]


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets, sentences = measure(arguments.rounds)
    show(device_name(), rows, targets, arguments.json, sentences)


if __name__ == "__main__":
    main()
