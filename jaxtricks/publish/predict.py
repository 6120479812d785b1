"""Predictions of networks that jaxtricks trained, by NumPy alone, from the model.safetensors beside this file.

    from predict import NumpyModel
    NumpyModel().predict(x)         # of all members together; .probabilities(x) says how sure they are

`python predict.py x.npy` prints them. The file of arrays holds a program, too: operations of jax.lax, which are here in NumPy.
"""

# fmt: off
import json
import math
import sys
from pathlib import Path

import numpy as np

DTYPES = {"BOOL": "?", "U8": "<u1", "I8": "<i1", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
SOME, DAY = 1024, 86_400e6  # examples at a time; microseconds
ABOVE = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05, -7.34990630326855e-04,
         -2.95459980854025e-03, -1.60960333262415e-02)  # of the rational function that XLA has for erf
BELOW = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02)

def _erf(x):
    z = np.clip(x.astype(np.float64), -3.7439211627767994, 3.7439211627767994)
    return (z * np.polyval(ABOVE, z * z) / np.polyval(BELOW, z * z)).astype(x.dtype)

def _dot(x, y, dimension_numbers):
    (xs, ys), (xb, yb) = dimension_numbers
    fx, fy = ([a for a in range(z.ndim) if a not in used] for z, used in ((x, [*xs, *xb]), (y, [*ys, *yb])))
    batch, rows, columns = [x.shape[a] for a in xb], [x.shape[a] for a in fx], [y.shape[a] for a in fy]
    left = x.transpose(*xb, *fx, *xs).reshape(*batch, math.prod(rows), -1)
    right = y.transpose(*yb, *ys, *fy).reshape(*batch, left.shape[-1], math.prod(columns))
    return (left @ right).reshape(batch + rows + columns)

def _pad(x, value, padding_config):
    low, high, inner = zip(*padding_config, strict=True)
    grown = [n + max(n - 1, 0) * i for n, i in zip(x.shape, inner, strict=True)]
    out = np.full([max(a, 0) + n + max(b, 0) for a, n, b in zip(low, grown, high, strict=True)], value, x.dtype)
    out[tuple(slice(max(a, 0), max(a, 0) + n, i + 1) for a, n, i in zip(low, grown, inner, strict=True))] = x
    return out[tuple(slice(max(-a, 0), n - max(-b, 0)) for a, b, n in zip(low, high, out.shape, strict=True))]

def _windows(x, sizes, strides, dilation):
    seen = np.lib.stride_tricks.sliding_window_view(x, [(n - 1) * d + 1 for n, d in zip(sizes, dilation, strict=True)])
    return seen[tuple(slice(None, None, step) for step in (*strides, *dilation))]

def _pool(x, function, empty, window_dimensions, window_strides, padding, window_dilation):
    x = np.pad(x, padding, constant_values=empty)
    return function(_windows(x, window_dimensions, window_strides, window_dilation), tuple(range(x.ndim, 2 * x.ndim)))

def _conv(x, kernel, window_strides, padding, rhs_dilation, dimension_numbers, feature_group_count):
    lhs, rhs, out = dimension_numbers
    x, kernel = np.pad(x.transpose(lhs), [(0, 0), (0, 0), *padding]), kernel.transpose(rhs)
    seen = _windows(x, (1, 1, *kernel.shape[2:]), (1, 1, *window_strides), (1, 1, *rhs_dilation))
    seen = seen.reshape(seen.shape[: x.ndim] + seen.shape[x.ndim + 2 :])  # [batch, channels, places …, offsets …]
    parts = zip(np.split(seen, feature_group_count, 1), np.split(kernel, feature_group_count), strict=True)
    axes = [1, *range(x.ndim, seen.ndim)], list(range(1, kernel.ndim))
    found = np.concatenate([np.tensordot(part, some, axes) for part, some in parts], -1)
    return np.moveaxis(found, -1, 1).transpose(np.argsort(out))

def _gather(x, starts, dimension_numbers, slice_sizes):
    offset, collapsed, start_map, x_batch, starts_batch = dimension_numbers
    rank, kept, index = starts.ndim - 1 + len(offset), iter(offset), []
    batch = [a for a in range(rank) if a not in offset]
    for axis, size in enumerate(slice_sizes):
        place = np.zeros([1] * rank, int)
        if axis in start_map:  # a start outside is moved inside
            start = np.clip(starts[..., start_map.index(axis)], 0, x.shape[axis] - size)
            place = place + start.reshape([starts.shape[batch.index(a)] if a in batch else 1 for a in range(rank)])
        if axis in x_batch or axis not in collapsed:
            along = batch[starts_batch[x_batch.index(axis)]] if axis in x_batch else next(kept)
            count = x.shape[axis] if axis in x_batch else size
            place = place + np.arange(count).reshape([-1 if a == along else 1 for a in range(rank)])
        index.append(place)
    return x[tuple(index)]

def _spread(x, shape, broadcast_dimensions):
    axes = dict(zip(broadcast_dimensions, x.shape, strict=True))
    return np.broadcast_to(x.reshape([axes.get(a, 1) for a in range(len(shape))]), shape)

def _dynamic_slice(x, *starts, slice_sizes):
    firsts = [np.clip(int(start), 0, n - size) for start, n, size in zip(starts, x.shape, slice_sizes, strict=True)]
    return x[tuple(slice(first, first + size) for first, size in zip(firsts, slice_sizes, strict=True))]

def _scan(run, *given, body, length, reverse, num_consts, num_carry):
    constants, carry, rows = given[:num_consts], given[num_consts : num_consts + num_carry], given[num_consts + num_carry :]
    found = [None] * length
    for t in range(length)[:: -1 if reverse else 1]:
        after = run(body, [*constants, *carry, *(row[t] for row in rows)])
        carry, found[t] = after[:num_carry], after[num_carry:]
    return [*carry, *(np.stack(each) for each in zip(*found, strict=True))]

def _cumsum(x, axis, reverse):
    place = (slice(None),) * axis + (slice(None, None, -1 if reverse else 1),)
    return np.cumsum(x[place], axis=axis, dtype=x.dtype)[place]
SAME = ("exp", "exp2", "log", "log1p", "expm1", "tanh", "sin", "cos", "tan", "sqrt", "cbrt", "abs", "sign", "floor", "ceil")
OPS = {name: getattr(np, name) for name in SAME} | {
    "neg": np.negative, "square": np.square, "is_finite": np.isfinite, "not": np.invert, "erf": _erf,
    "logistic": lambda x: 1 / (1 + np.exp(-x)), "rsqrt": lambda x: 1 / np.sqrt(x), "integer_pow": lambda x, y: x**y,
    "erfc": lambda x: 1 - _erf(x), "add": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.maximum, "min": np.minimum,
    "pow": np.power, "div": lambda x, y: (np.trunc(x / y) if x.dtype.kind in "iu" else x / y).astype(x.dtype), "pad": _pad,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "clamp": lambda low, x, high: np.clip(x, low, high),
    "select_n": lambda which, *cases: np.where(which, *cases[::-1]) if len(cases) == 2 else np.choose(which, cases),
    "convert_element_type": lambda x, new_dtype: x.astype(new_dtype), "reshape": lambda x, new_sizes: x.reshape(new_sizes),
    "transpose": lambda x, permutation: x.transpose(permutation), "rev": lambda x, dimensions: np.flip(x, dimensions),
    "squeeze": lambda x, dimensions: x.squeeze(tuple(dimensions)), "broadcast_in_dim": _spread, "cumsum": _cumsum,
    "iota": lambda dtype, shape, dimension: _spread(np.arange(shape[dimension], dtype=dtype), shape, [dimension]),
    "slice": lambda x, start_indices, limit_indices, strides:
        x[tuple(map(slice, start_indices, limit_indices, strides or [1] * x.ndim))],
    "split": lambda x, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis), "dynamic_slice": _dynamic_slice,
    "stack": lambda *parts, axis: np.stack(parts, axis), "unstack": lambda x, axis: list(np.moveaxis(x, axis, 0)),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension), "dot_general": _dot, "conv_general_dilated": _conv,
    "reduce_sum": lambda x, axes: x.sum(tuple(axes), dtype=x.dtype), "reduce_max": lambda x, axes: x.max(tuple(axes)),
    "reduce_prod": lambda x, axes: x.prod(tuple(axes), dtype=x.dtype), "reduce_min": lambda x, axes: x.min(tuple(axes)),
    "reduce_and": lambda x, axes: x.all(tuple(axes)), "reduce_or": lambda x, axes: x.any(tuple(axes)),
    "reduce_window_max": lambda x, **how: _pool(x, np.max, -np.inf, **how), "scan": _scan, "gather": _gather,
    "reduce_window_sum": lambda x, **how: _pool(x, np.sum, 0, **how), "tile": np.tile, "rem": np.fmod,
    "argmax": lambda x, axes, index_dtype: x.argmax(*axes).astype(index_dtype),
}
ANSWERS = {  # of a task: what is averaged of the members' outputs, and what that says
    **dict.fromkeys(("classes", "steps"), (np.exp, lambda found, names: np.asarray(names)[found.argmax(-1)])),
    "multilabel": (np.exp, lambda found, names: (found > 0.5).astype(np.int32)),
    "values": (np.asarray, lambda found, names: found),
}

def table(columns, frame):
    """The inputs of a table, a dict of columns; None, NaN or an empty word is a missing value."""
    found = []
    for column in columns:
        name, kind = column["name"], column["kind"]
        if name not in frame:
            raise ValueError(f"column {name!r} is missing; there are: {', '.join(frame)}.")
        values = [None if v is None or v != v or (isinstance(v, str) and not v) else v for v in frame[name]]
        absent = np.array([v is None for v in values])
        if absent.any() and not column["missing"]:
            raise ValueError(f"column {name!r}: example {absent.argmax()} has no value, and no row trained on lacked one.")
        if kind == "category":
            found.append(np.array([[str(v) == word for word in column["values"]] for v in values], np.float64))
        elif kind == "date":
            days = np.array(["NaT" if v is None else v for v in values], "datetime64[us]").astype(np.int64) / DAY
            found.append(np.where(absent, np.nan, days)[:, None])
        else:
            found.append(np.array([np.nan if v is None else float(v) for v in values])[:, None])
        found += [absent[:, None]] if column["missing"] else []
    return np.concatenate(found, axis=1)

def inputs(about, x):
    """Inputs in the user's units, or a table, as the network takes them: [examples, …] in its dtype, minus its offset."""
    x = table(about["columns"], x) if isinstance(x, dict) else np.asarray(x)
    if list(x.shape[1:]) != about["shape"] or not len(x):
        raise ValueError(f"x: inputs of shape {x.shape}; [examples, {', '.join(map(str, about['shape']))}] is allowed.")
    x = x if about["x_offset"] is None else x - np.asarray(about["x_offset"])
    made = x.astype(about["dtype"])
    if made.dtype.kind in "iu" and (made != x).any():
        raise ValueError(f"x: numbers that {about['dtype']} does not hold; such as were trained on are allowed.")
    return made

class NumpyModel:
    """An ensemble of networks: the mean of what its members say."""

    def __init__(self, folder=Path(__file__).parent):
        data = (Path(folder) / "model.safetensors").read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        head = json.loads(data[8:start])
        self.about, self.arrays = json.loads(head.pop("__metadata__")["jaxtricks"]), {}
        for name, each in head.items():
            flat = np.frombuffer(data, DTYPES[each["dtype"]], math.prod(each["shape"]), start + each["data_offsets"][0])
            self.arrays[name] = flat.reshape(each["shape"])

    def probabilities(self, x, lengths=None, members=False):
        """The probabilities of classes or labels, or values in the user's units: of each member, or their mean."""
        given = [inputs(self.about, x), *([] if lengths is None else [np.asarray(lengths, np.int32)])]
        parts = [[array[i : i + SOME] for array in given] for i in range(0, len(given[0]), SOME)]
        with np.errstate(all="ignore"):
            found = [np.concatenate([self._run(self.about["program"], part, place, len(part[0]))[0] for part in parts])
                     for place in range(len(self.about["members"]))]
        each = ANSWERS[self.about["task"]][0](np.stack(found).astype(np.float64)) + np.asarray(self.about["y_offset"] or 0.0)
        return each if members else each.mean(axis=0)

    def predict(self, x, lengths=None):
        """The names of the likeliest classes; 1 or 0 for each label; or values."""
        return ANSWERS[self.about["task"]][1](self.probabilities(x, lengths), self.about["classes"])

    def _run(self, program, given, member, n):
        slots = [*given, *[None] * program["slots"]]
        def value(place):
            return slots[place] if isinstance(place, int) else self.arrays[place][member if place[0] == "m" else ...]
        def sized(how):  # lengths that depend on the number of examples are {"n": of each, "+": further ones}
            lists = [sized(each) for each in how] if isinstance(how, list) else how
            return how["n"] * n + how["+"] if isinstance(how, dict) and "n" in how else lists
        for name, outs, ins, how in program["ops"]:
            values, settings = map(value, ins), {key: sized(each) for key, each in how.items()}
            again = [lambda body, inner: self._run(body, inner, member, n)] if name == "scan" else []
            found = OPS[name](*again, *values, **settings)
            for place, each in zip(outs, found if isinstance(found, list) else [found], strict=True):
                slots[place] = each
        return [value(place) for place in program["outs"]]

if __name__ == "__main__":
    print(*NumpyModel().predict(np.load(sys.argv[1])).tolist(), sep="\n")
