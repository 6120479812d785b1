"""Predictions of networks that jaxtricks trained, by NumPy alone, from the model.safetensors beside this file.

    from predict import NumpyModel
    NumpyModel().predict(x)         # of all members together; .probabilities(x) says how sure they are

`python predict.py x.npy [lengths.npy]` prints them. The file of arrays holds a program, too: operations of jax.lax, in NumPy.
"""

# fmt: off
import json
import math
import sys
from pathlib import Path

import numpy as np

DTYPES = {"BOOL": "?", "U8": "<u1", "I8": "<i1", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
FORMAT, SOME, DAY = 2, 1024, np.timedelta64(1, "D")  # of the words in the file of arrays; examples at a time

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
def _gather(x, starts, dimension_numbers, slice_sizes, mode, fill_value):
    offset, collapsed, start_map, x_batch, starts_batch = dimension_numbers
    rank, kept, index, inside = starts.ndim - 1 + len(offset), iter(offset), [], True
    batch = [a for a in range(rank) if a not in offset]
    for axis, size in enumerate(slice_sizes):
        place = np.zeros([1] * rank, int)
        if axis in start_map:  # a start outside is moved inside
            start = starts[..., start_map.index(axis)]
            start = start.reshape([starts.shape[batch.index(a)] if a in batch else 1 for a in range(rank)])
            place = np.clip(start, 0, x.shape[axis] - size)
            inside = inside & (place == start)
        if axis in x_batch or axis not in collapsed:
            along = batch[starts_batch[x_batch.index(axis)]] if axis in x_batch else next(kept)
            count = x.shape[axis] if axis in x_batch else size
            place = place + np.arange(count).reshape([-1 if a == along else 1 for a in range(rank)])
        index.append(place)
    empty = np.nan if fill_value is None else fill_value
    return np.where(inside, x[tuple(index)], empty).astype(x.dtype) if mode == "FILL_OR_DROP" else x[tuple(index)]
def _scan(run, *given, body, length, reverse, num_consts, num_carry):
    constants, carry, rows = given[:num_consts], given[num_consts : num_consts + num_carry], given[num_consts + num_carry :]
    found = [None] * length
    for t in range(length)[:: -1 if reverse else 1]:
        after = run(body, [*constants, *carry, *(row[t] for row in rows)])
        carry, found[t] = after[:num_carry], after[num_carry:]
    return [*carry, *(np.stack(each) for each in zip(*found, strict=True))]

SAME = ("exp", "exp2", "log", "log1p", "expm1", "tanh", "sin", "cos", "tan", "sqrt", "cbrt", "abs", "sign", "floor", "ceil")
OPS = {name: getattr(np, name) for name in SAME} | {
    "select_n": lambda which, *cases: np.where(which, *cases[::-1]) if len(cases) == 2 else np.choose(which, cases), "pad": _pad,
    "div": lambda x, y: (np.trunc(x / y) if x.dtype.kind in "iu" else x / y).astype(x.dtype), "rsqrt": lambda x: 1 / np.sqrt(x),
    "iota": lambda dtype, shape, dimension: np.indices(shape, dtype)[dimension], "reduce_max": lambda x, axes: x.max(tuple(axes)),
    "argmax": lambda x, axes, index_dtype: x.argmax(*axes).astype(index_dtype), "reduce_min": lambda x, axes: x.min(tuple(axes)),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension), "reduce_and": lambda x, axes: x.all(tuple(axes)),
    "split": lambda x, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis), "clamp": lambda low, x, high: np.clip(x, low, high),
    "reduce_window_max": lambda x, **how: _pool(x, np.max, -np.inf, **how), "reshape": lambda x, new_sizes: x.reshape(new_sizes),
    "erfc": lambda x: np.vectorize(math.erfc, "d")(x).astype(x.dtype), "unstack": lambda x, axis: list(np.moveaxis(x, axis, 0)),
    "reduce_prod": lambda x, axes: x.prod(tuple(axes), dtype=x.dtype), "rev": lambda x, dimensions: np.flip(x, dimensions),
    "convert_element_type": lambda x, new_dtype: x.astype(new_dtype), "stack": lambda *parts, axis: np.stack(parts, axis),
    "reduce_window_sum": lambda x, **how: _pool(x, np.sum, 0, **how), "reduce_or": lambda x, axes: x.any(tuple(axes)),
    "erf": lambda x: np.vectorize(math.erf, "d")(x).astype(x.dtype), "transpose": lambda x, permutation: x.transpose(permutation),
    "reduce_sum": lambda x, axes: x.sum(tuple(axes), dtype=x.dtype), "logistic": lambda x: 1 / (1 + np.exp(-x)), "not": np.invert,
    "squeeze": lambda x, dimensions: x.squeeze(tuple(dimensions)), "integer_pow": lambda x, y: x**y, "is_finite": np.isfinite,
    "conv_general_dilated": _conv, "ge": np.greater_equal, "and": np.bitwise_and, "xor": np.bitwise_xor, "square": np.square,
    "le": np.less_equal, "or": np.bitwise_or, "dot_general": _dot, "neg": np.negative, "sub": np.subtract, "mul": np.multiply,
    "ne": np.not_equal, "max": np.maximum, "min": np.minimum, "gather": _gather, "gt": np.greater, "pow": np.power, "add": np.add,
    "tile": np.tile, "eq": np.equal, "rem": np.fmod, "lt": np.less, "scan": _scan,
    "broadcast_in_dim": lambda x, shape, broadcast_dimensions: np.broadcast_to(
        np.expand_dims(x, [a for a in range(len(shape)) if a not in broadcast_dimensions]), shape),
    "slice": lambda x, start_indices, limit_indices, strides: x[tuple(
        map(slice, start_indices, limit_indices, strides or [1] * x.ndim))],
    "dynamic_slice": lambda x, *starts, slice_sizes: x[tuple(
        slice(f, f + n) for f, n in zip(np.clip(starts, 0, np.subtract(x.shape, slice_sizes)), slice_sizes, strict=True))],
    "cumsum": lambda x, axis, reverse:
        np.flip(np.cumsum(np.flip(x, axis), axis, x.dtype), axis) if reverse else np.cumsum(x, axis, x.dtype),
}
ANSWERS = {  # of a task: what is averaged of the members' outputs, and what that says
    **dict.fromkeys(("classes", "steps"), (np.exp, lambda found, names: np.asarray(names)[found.argmax(-1)])),
    "multilabel": (np.exp, lambda found, names: (found > 0.5).astype(np.int32)), "values": (np.asarray, lambda found, _: found),
}

def _told(column, v):
    """A value as the library tells it: a word as Arrow spells it, a date as days since 1970 (UTC), or a number."""
    kind = np.asarray(v).dtype.kind
    if column["kind"] == "category" and (kind in "Uiub" or (kind == "f" and (v == 0 or 1e-4 <= abs(v) < 1e9))):
        return str(v).lower() if kind == "b" else str(int(v)) if kind == "f" and v == int(v) else str(v)
    if column["kind"] == "date" and (kind in "OM" or (kind == "U" and v[:1].isdigit() and len(v) >= 10)):
        return (np.datetime64(v, "us") - np.datetime64(0, "us")) / DAY
    if column["kind"] == "number" and kind in "biufU":
        return float(v)
    raise ValueError(f"column {column['name']!r}: {v!r} is no {column['kind']} that is read here; jaxtricks itself reads more.")

def table(columns, frame):
    """The inputs of a table, a dict of columns; None, NaN, NaT or pandas' NA is a missing value."""
    found = []
    for column in columns:
        name, words = column["name"], column.get("values")
        absent = np.array([not isinstance(v, str) and str(v) in ("None", "nan", "NaT", "<NA>") for v in frame[name]])
        if absent.any() and not column["missing"]:
            raise ValueError(f"column {name!r}: example {absent.argmax()} has no value, and no row trained on lacked one.")
        values = [None if gone else _told(column, v) for gone, v in zip(absent, frame[name], strict=True)]
        found.append(np.array([[v] if words is None else [v == word for word in words] for v in values], float))
        found += [absent[:, None]] if column["missing"] else []
    return np.concatenate(found, axis=1)

@np.errstate(all="ignore")
def inputs(about, x, lengths=None):
    """Inputs in the user's units, or a table, and lengths, as the network takes them: those that it knows, or ValueError."""
    x = table(about["columns"], x) if isinstance(x, dict) and about["columns"] else np.asarray(x)
    if list(x.shape[1:]) != about["shape"] or not len(x) or x.dtype.kind not in "biuf":
        raise ValueError(f"x: {x.dtype} of shape {x.shape}; numbers, [examples, {str(about['shape'])[1:]}, are allowed.")
    if about["x_offset"] is not None:
        offset = np.array(about["x_offset"])
        exact = np.int64 if x.dtype.kind in "iu" and not (offset % 1).any() else np.float64
        x = x.astype(exact) - offset.astype(exact)
    made, tokens, sizes = x.astype(about["dtype"]), about["vocabulary"], np.asarray(() if lengths is None else lengths)
    good = np.isfinite(made) | (np.isnan(made) & about["missing"]) if made.dtype.kind == "f" else made == x
    good &= tokens is None or (made >= 0) & (made < tokens)
    if not good.all():
        raise ValueError(f"x: {x[~good][0]} is no {about['dtype']}{f' from 0 to {tokens - 1}' if tokens else ''} as trained on.")
    if about["lengths"]:
        if sizes.dtype.kind not in "iu" or sizes.shape != x.shape[:1] or sizes.min() < 1 or sizes.max() > x.shape[1]:
            raise ValueError(f"lengths: the true steps of each sequence, integers from 1 to {x.shape[1]}, are allowed.")
        if about["x_offset"] is not None:
            made[np.arange(x.shape[1]) >= sizes[:, None]] = 0  # as padding was in training
    elif lengths is not None:
        raise ValueError("lengths: None, for whole sequences, is allowed.")
    return [made, sizes.astype(np.int32)][: 1 + about["lengths"]]

class NumpyModel:
    """An ensemble of networks: the mean of what its members say."""

    def __init__(self, folder=Path(__file__).parent):
        data = (Path(folder) / "model.safetensors").read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        head = json.loads(data[8:start])
        self.about, self.arrays = json.loads(head.pop("__metadata__")["jaxtricks"]), {}
        if self.about.get("format") != FORMAT:
            raise ValueError(f"{folder}: format {self.about.get('format')}; {FORMAT} is allowed, which this predict.py reads.")
        for name, each in head.items():
            flat = np.frombuffer(data, DTYPES[each["dtype"]], math.prod(each["shape"]), start + each["data_offsets"][0])
            self.arrays[name] = flat.reshape(each["shape"])

    def probabilities(self, x, lengths=None, members=False):
        """The probabilities of classes or labels, or values in the user's units: of each member, or their mean."""
        given = inputs(self.about, x, lengths)
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
    print(*NumpyModel().predict(*map(np.load, sys.argv[1:])).tolist(), sep="\n")
