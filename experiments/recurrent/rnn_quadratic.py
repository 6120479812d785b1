"""How many weights a recurrent layer has."""

import numpy as np

import jaxtricks as jt
from experiments.recurrent._memory import adding, parameters
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, Scales, exact
from jaxtricks.nn.cells import GRU, LSTM, Cell, TanhCell

CELLS: dict[str, Cell] = {"tanh": TanhCell(), "GRU": GRU(), "LSTM": LSTM()}


def measure(scale: Scale) -> Outcome:
    """The parameters of one layer of each cell with its head, counted in the model itself, for layers of 8, 16, … units on inputs
    of two features. Quadratic is a count whose third differences are all 0 and whose second ones are not; each gate must
    contribute one square matrix, so that the second difference over steps of 8 is 2 · 8² a gate. Nothing is drawn.
    """
    data, widths = jt.data.adding_problem(100, 2), range(8, 8 * scale.pick(smoke=5, cpu=33, full=65), 8)
    counts = {
        name: np.array([parameters(adding(jt.RNN(widths=(width,), cell=cell), 1), data) for width in widths])
        for name, cell in CELLS.items()
    }
    second = {name: np.diff(count, n=2) for name, count in counts.items()}
    leading = {name: float(each[0]) / (2 * 8**2) for name, each in second.items()}
    return Outcome(
        parts=[
            exact(f"a {name} layer grows by H² a gate", np.abs(second[name] - 2 * 8**2 * cell.gates), 1)
            for name, cell in CELLS.items()
        ],
        effect="the parameters of a layer of H units grow as "
        + ", ".join(f"{factor:g} H² ({name})" for name, factor in leading.items())
        + f", exactly over {len(widths)} widths up to {widths[-1]}",
        numbers={
            "leading_coefficient": leading,
            "largest_third_difference": {name: int(np.abs(np.diff(each)).max()) for name, each in second.items()},
        },
        series=tuple(
            Curve(name, tuple(map(float, widths)), values, values, values)
            for name, values in ((name, tuple(map(float, count))) for name, count in counts.items())
        ),
        axes=Axes("units", "parameters", log="xy"),
    )


CLAIM = Claim(
    rows=("T063",),
    lecture=2,
    statement="Recurrent networks need a quadratic number of weights in their layer size.",
    papers=(Paper("g gates over d inputs have g (H² + d H + H) parameters", "M"),),
    refuted_by="A cell's count of parameters has second differences over the width that are not constant, or not 2 · 8² for each "
    "gate over steps of 8 units.",
    measure=measure,
    kind="identity",
    seeds=Scales(0, 0, 0),
)
