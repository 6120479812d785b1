"""An exported model as ONNX, checked: `make test-onnx`, or by hand in an environment with onnx and onnxruntime:

    python docs/onnx/to_onnx.py FOLDER x.npy [wanted.npy]

FOLDER is what `jaxtricks export` wrote. Its `numpy/model.safetensors` holds the network as operations of jax.lax; this writes the
nodes of ONNX that do the same, for any number of examples, into `FOLDER/model.onnx`, whose only output is what `predict.py` calls
probabilities: the mean over the members. Its input is in the user's units, too: float64 where they are stored minus an offset,
and else the dtype of model.json. Loops are unrolled. Then ONNX Runtime predicts from the inputs of x.npy, and the largest
difference to wanted.npy, or else to what predict.py says, is printed. An operation that has no nodes here is named, and nothing
is written.

The file has no part of what `predict.inputs` does before: a table is numbers already (`predict.table`), and nothing refuses
numbers that are not finite, or tokens that the vocabulary lacks.
"""

import importlib
import string
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

OPSET, MOST = 18, 1e-6  # MOST: the largest difference of probabilities that is let pass
SAME = {"exp": "Exp", "log": "Log", "tanh": "Tanh", "sin": "Sin", "cos": "Cos", "tan": "Tan", "sqrt": "Sqrt", "abs": "Abs"}
SAME |= {"sign": "Sign", "floor": "Floor", "ceil": "Ceil", "neg": "Neg", "erf": "Erf", "logistic": "Sigmoid", "not": "Not"}
SAME |= {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min", "pow": "Pow", "eq": "Equal"}
SAME |= {"lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual", "and": "And", "or": "Or", "xor": "Xor"}
REDUCED = {"reduce_sum": "ReduceSum", "reduce_prod": "ReduceProd", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin"}
LOGICAL = {"reduce_and": "ReduceMin", "reduce_or": "ReduceMax"}
POOLS = {"reduce_window_max": "MaxPool", "reduce_window_sum": "AveragePool"}


class Value(NamedTuple):
    """A value of the graph, and what it is for the inputs at hand, which shows its axes and its type."""

    name: str
    sample: Any


class Graph:
    """The nodes and constants so far."""

    def __init__(self, x: np.ndarray) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.examples = len(x)
        self.n = self.node("Gather", self.node("Shape", "x"), self.constant(np.int64([0])))

    def node(self, kind: str, *ins: str, **how: Any) -> str:
        """Adds a node of one output; gives its name."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(ins), [name], **how))
        return name

    def constant(self, array: Any) -> str:
        """The name of a known array."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array), name))
        return name

    def lengths(self, lengths: Any) -> str:
        """Lengths; those that depend on the number of examples are {"n": of each, "+": further ones}."""
        if not any(isinstance(each, dict) for each in lengths):
            return self.constant(np.array(lengths, np.int64))
        parts = [each if isinstance(each, dict) else {"n": 0, "+": each} for each in lengths]
        slopes, rest = (self.constant(np.array([part[key] for part in parts], np.int64)) for key in ("n", "+"))
        return self.node("Add", self.node("Mul", slopes, self.n), rest)

    def known(self, lengths: Any) -> Any:
        """The same for the inputs at hand."""
        if isinstance(lengths, list):
            return [self.known(each) for each in lengths]
        return lengths["n"] * self.examples + lengths["+"] if isinstance(lengths, dict) and "n" in lengths else lengths


class Member:
    """One member's network, as nodes.

    Args:
        graph: where they go.
        model: what predict.py read.
        place: the member's.
    """

    def __init__(self, graph: Graph, model: Any, place: int) -> None:
        self.graph, self.arrays, self.place, self.named = graph, model.arrays, place, dict[str, Value]()
        self.ops = importlib.import_module("predict").OPS

    def run(self, program: dict[str, Any], given: list[Value]) -> list[Value]:
        """Adds the nodes of a program; gives its outputs."""
        slots: dict[Any, Value] = dict(enumerate(given))
        for name, outs, ins, how in program["ops"]:
            values = [slots[place] if isinstance(place, int) else self.array(place) for place in ins]
            slots |= dict(
                zip(outs, self.scan(values, **how) if name == "scan" else self.operation(name, values, how), strict=True)
            )
        return [slots[place] if isinstance(place, int) else self.array(place) for place in program["outs"]]

    def array(self, name: str) -> Value:
        """An array of the file."""
        if name not in self.named:
            sample = self.arrays[name][self.place if name[0] == "m" else ...]
            self.named[name] = Value(self.graph.constant(sample), sample)
        return self.named[name]

    def scan(self, given: list[Value], body: Any, length: int, reverse: bool, num_consts: int, num_carry: int) -> list[Value]:
        """A loop, turn by turn."""
        constants, carry, rows = given[:num_consts], given[num_consts : num_consts + num_carry], given[num_consts + num_carry :]
        found: list[Any] = [None] * length
        for t in range(length)[:: -1 if reverse else 1]:
            at = self.graph.constant(np.int64(t))
            now = [Value(self.graph.node("Gather", row.name, at, axis=0), row.sample[t]) for row in rows]
            after = self.run(body, [*constants, *carry, *now])
            carry, found[t] = after[:num_carry], after[num_carry:]
        stacked = []
        for each in zip(*found, strict=True):
            parts = [self.graph.node("Unsqueeze", value.name, self.graph.constant(np.int64([0]))) for value in each]
            stacked.append(Value(self.graph.node("Concat", *parts, axis=0), np.stack([value.sample for value in each])))
        return [*carry, *stacked]

    def operation(self, name: str, values: list[Value], how: dict[str, Any]) -> list[Value]:
        """Adds the nodes of one operation."""
        samples = self.ops[name](
            *(value.sample for value in values), **{key: self.graph.known(each) for key, each in how.items()}
        )
        samples = samples if isinstance(samples, list) else [samples]
        names = self.nodes(name, values, how, samples)
        return [Value(each, np.asarray(sample)) for each, sample in zip(names, samples, strict=True)]

    def nodes(self, name: str, values: list[Value], how: dict[str, Any], samples: list[Any]) -> list[str]:
        """The names of what the nodes of one operation give."""
        graph, ins, first = self.graph, [value.name for value in values], values[0].sample if values else None
        node, constant, lengths = graph.node, graph.constant, graph.lengths
        if name in SAME:
            return [node(SAME[name], *ins)]
        if name in REDUCED:
            return [node(REDUCED[name], ins[0], constant(np.int64(how["axes"])), keepdims=0)]
        if name in LOGICAL:
            whole = node("Cast", ins[0], to=onnx.TensorProto.INT32)
            found = node(LOGICAL[name], whole, constant(np.int64(how["axes"])), keepdims=0)
            return [node("Cast", found, to=onnx.TensorProto.BOOL)]
        if name == "ne":
            return [node("Not", node("Equal", *ins))]
        if name == "square":
            return [node("Mul", ins[0], ins[0])]
        if name == "rsqrt":
            return [node("Reciprocal", node("Sqrt", ins[0]))]
        if name == "erfc":
            return [node("Sub", constant(first.dtype.type(1)), node("Erf", ins[0]))]
        if name == "expm1":
            return [node("Sub", node("Exp", ins[0]), constant(first.dtype.type(1)))]
        if name == "log1p":
            return [node("Log", node("Add", ins[0], constant(first.dtype.type(1))))]
        if name == "integer_pow":
            return [node("Pow", ins[0], constant(first.dtype.type(how["y"])))]
        if name == "clamp":
            return [node("Min", node("Max", ins[1], ins[0]), ins[2])]
        if name == "select_n" and len(ins) == 3:
            return [node("Where", ins[0], ins[2], ins[1])]
        if name == "convert_element_type":
            return [node("Cast", ins[0], to=helper.np_dtype_to_tensor_dtype(np.dtype(how["new_dtype"])))]
        if name == "reshape":
            return [node("Reshape", ins[0], lengths(how["new_sizes"]))]
        if name == "transpose":
            return [node("Transpose", ins[0], perm=how["permutation"])]
        if name == "squeeze":
            return [node("Squeeze", ins[0], constant(np.int64(how["dimensions"])))]
        if name == "broadcast_in_dim":
            axes = [axis for axis in range(len(how["shape"])) if axis not in how["broadcast_dimensions"]]
            wide = node("Unsqueeze", ins[0], constant(np.int64(axes))) if axes else ins[0]
            return [node("Expand", wide, lengths(how["shape"]))]
        if name == "concatenate":
            return [node("Concat", *ins, axis=how["dimension"])]
        if name == "rev":
            axes, ends = constant(np.int64(how["dimensions"])), [np.iinfo(np.int64).min] * len(how["dimensions"])
            steps = constant(np.int64([-1] * len(ends)))
            return [node("Slice", ins[0], constant(np.int64([-1] * len(ends))), constant(np.int64(ends)), axes, steps)]
        if name == "pad" and all(low >= 0 and high >= 0 and not inner for low, high, inner in how["padding_config"]):
            low, high, _ = zip(*how["padding_config"], strict=True)
            return [node("Pad", ins[0], constant(np.int64([*low, *high])), ins[1])]
        if name == "slice":
            axes, steps = np.arange(first.ndim), how["strides"] or [1] * first.ndim
            starts, ends = lengths(how["start_indices"]), lengths(how["limit_indices"])
            return [node("Slice", ins[0], starts, ends, constant(np.int64(axes)), constant(np.int64(steps)))]
        if name == "split":
            ends = np.cumsum(how["sizes"])
            parts = zip(ends - how["sizes"], ends, strict=True)
            axis = constant(np.int64([how["axis"]]))
            return [node("Slice", ins[0], constant(np.int64([low])), constant(np.int64([high])), axis) for low, high in parts]
        if name == "argmax":
            found = node("ArgMax", ins[0], axis=how["axes"][0], keepdims=0)
            return [node("Cast", found, to=helper.np_dtype_to_tensor_dtype(samples[0].dtype))]
        if name == "cumsum":
            return [node("CumSum", ins[0], constant(np.int64(how["axis"])), reverse=int(how["reverse"]))]
        if name == "dot_general":
            return [node("Einsum", *ins, equation=_equation(values, *how["dimension_numbers"]))]
        if name == "conv_general_dilated":
            lhs, rhs, out = how["dimension_numbers"]
            x, kernel = node("Transpose", ins[0], perm=lhs), node("Transpose", ins[1], perm=rhs)
            pads = [pair[side] for side in (0, 1) for pair in how["padding"]]
            steps = {"strides": how["window_strides"], "dilations": how["rhs_dilation"], "group": how["feature_group_count"]}
            return [node("Transpose", node("Conv", x, kernel, pads=pads, **steps), perm=np.argsort(out).tolist())]
        if name in POOLS and first.ndim == 4 and how["window_dimensions"][::3] == [1, 1] and not np.any(how["padding"]):
            x = node("Transpose", ins[0], perm=[0, 3, 1, 2])
            found = node(POOLS[name], x, kernel_shape=how["window_dimensions"][1:3], strides=how["window_strides"][1:3])
            found = node("Transpose", found, perm=[0, 2, 3, 1])
            count = constant(first.dtype.type(np.prod(how["window_dimensions"])))
            return [found if POOLS[name] == "MaxPool" else node("Mul", found, count)]
        if (
            name == "gather"
            and how["dimension_numbers"][1:] == [[0], [0], [], []]
            and how["slice_sizes"][1:] == list(first.shape[1:])
        ):
            return [node("Gather", ins[0], node("Squeeze", ins[1], constant(np.int64([-1]))), axis=0)]  # rows of a table
        sys.exit(f"{name!r} has no nodes here; predict.py and model.stablehlo compute it.")


def _equation(values: list[Value], contracted: Any, batched: Any) -> str:
    """A product over some axes, in the words of Einsum."""
    letters, sides = iter(string.ascii_letters), (dict[int, str](), dict[int, str]())
    for a, b in (*zip(*batched, strict=True), *zip(*contracted, strict=True)):
        sides[0][a] = sides[1][b] = next(letters)
    free = [[axis for axis in range(value.sample.ndim) if axis not in side] for value, side in zip(values, sides, strict=True)]
    for axes, side in zip(free, sides, strict=True):
        side |= {axis: next(letters) for axis in axes}
    left, right = ("".join(side[axis] for axis in sorted(side)) for side in sides)
    out = "".join([*(sides[0][a] for a in batched[0]), *(sides[0][a] for a in free[0]), *(sides[1][b] for b in free[1])])
    return f"{left},{right}->{out}"


def convert(folder: Path, x: np.ndarray, wanted: np.ndarray | None) -> float:
    """Writes model.onnx; gives the largest difference of its probabilities to those that are wanted.

    Args:
        folder: what `jaxtricks export` wrote.
        x: inputs in the user's units, [examples, ...].
        wanted: their probabilities, [examples, ...]; None: those that predict.py gives.
    """
    sys.path.insert(0, str(folder / "numpy"))
    predict = importlib.import_module("predict")
    model = predict.NumpyModel(folder / "numpy")
    if model.about["lengths"]:
        sys.exit("padded sequences have their lengths as a second input, which has no place here; predict.py takes them.")
    about, made = model.about, predict.inputs(model.about, x)[0]
    offset = None if about["x_offset"] is None else np.array(about["x_offset"], np.float64)
    given, network = (made, "x") if offset is None else (made.astype(np.float64) + offset, "stored")
    graph = Graph(given)
    if offset is not None:  # which float32 would not keep
        near, kind = graph.node("Sub", "x", graph.constant(offset)), helper.np_dtype_to_tensor_dtype(made.dtype)
        graph.nodes.append(helper.make_node("Cast", [near], [network], to=kind))
    outputs = []
    for place in range(len(about["members"])):
        (found,) = Member(graph, model, place).run(about["program"], [Value(network, made)])
        outputs.append(found.name if about["task"] == "values" else graph.node("Exp", found.name))
    mean = graph.node("Mean", *outputs)
    if about["y_offset"] is not None:  # in float64: float32 would not tell such values apart
        mean = graph.node("Cast", mean, to=onnx.TensorProto.DOUBLE)
        mean = graph.node("Add", mean, graph.constant(np.array(about["y_offset"], np.float64)))
    graph.nodes.append(helper.make_node("Identity", [mean], ["probabilities"]))
    takes = helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(given.dtype), ["examples", *made.shape[1:]])
    type = onnx.TensorProto.FLOAT if about["y_offset"] is None else onnx.TensorProto.DOUBLE
    gives = helper.make_tensor_value_info("probabilities", type, ["examples", *found.sample.shape[1:]])
    whole = helper.make_graph(graph.nodes, about["name"], [takes], [gives], graph.constants)
    # The oldest IR that knows this opset, so that older runtimes open the file, too.
    file = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    file.metadata_props.extend([onnx.StringStringEntryProto(key="classes", value="\n".join(about["classes"]))])
    onnx.checker.check_model(file)
    onnx.save(file, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    wanted, off = model.probabilities(x) if wanted is None else wanted, []
    for some in (given, given[:1]):  # any number of examples
        (found,) = session.run(["probabilities"], {"x": some})
        off.append(float(np.abs(found - wanted[: len(some)]).max()))
    return max(off)


if __name__ == "__main__":
    place, inputs, *others = Path(sys.argv[1]), *map(np.load, sys.argv[2:])
    difference = convert(place, inputs, others[0] if others else None)
    print(f"{place / 'model.onnx'}: off by {difference:.1e} at most in {len(inputs)} examples")
    sys.exit(0 if difference <= MOST else f"more than {MOST:.0e} is too much.")
