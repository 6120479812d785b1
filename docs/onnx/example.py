"""Models to turn into ONNX: `python docs/onnx/example.py FOLDER` trains some on digits for a moment, and exports them there.

Beside each of them are inputs, x.npy, and what the library says of them, wanted.npy, which ONNX Runtime is held against.
"""

import shutil
import sys
from pathlib import Path

import numpy as np

import jaxtricks as jt

MODELS = {
    "mlp": jt.MLP(widths=(64, 32), normalization="batch", activation="gelu", dropout=0.2),
    "cnn": jt.CNN(channels=(8, 16), blocks="residual", normalization="batch"),
    "rnn": jt.RNN(cell="lstm", widths=(16,)),
}


def main(folder: Path) -> None:
    """Exports each model, with three members.

    Args:
        folder: made anew.
    """
    digits = jt.load("digits").subset(500, seed=0)
    shutil.rmtree(folder, ignore_errors=True)
    for name, model in MODELS.items():
        data = digits if name != "rnn" else jt.data.pixels(digits)
        runs = jt.fit(jt.Experiment(model=model, epochs=3), data, seeds=3, progress=False)
        place = jt.publish.export(runs, folder / name)
        np.save(place / "x.npy", data.x[:200])
        np.save(place / "wanted.npy", runs.probabilities(data.x[:200]))
        print(place)
    hours = 1.7e9 + 3600 * np.arange(200.0)[:, None]  # inputs and values that are stored minus an offset
    data = jt.Dataset.from_arrays(hours, 1e9 + np.sin(np.arange(200.0))[:, None])
    runs = jt.fit(jt.Experiment(model=jt.MLP(widths=(16,)), epochs=3), data, seeds=3, progress=False)
    place = jt.publish.export(runs, folder / "offset")
    np.save(place / "x.npy", hours)
    np.save(place / "wanted.npy", runs.probabilities(hours))
    print(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
