"""Restarts that are pickled or copied predict, evaluate and tell the same."""

import copy
import pickle

import numpy as np

import jaxtricks as jt

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2, histograms=1)


def test_pickled_and_copied_runs_are_the_same_to_the_bit(blobs):
    runs = jt.fit(BASE, blobs, seeds=3, progress=False)
    some = runs.at([2, 0])
    for had, again in ((runs, pickle.loads(pickle.dumps(runs))), (some, copy.deepcopy(some))):
        assert (again.names, again.experiment, repr(again)) == (had.names, had.experiment, repr(had))
        np.testing.assert_array_equal(again.probabilities(blobs.x, members=True), had.probabilities(blobs.x, members=True))
        for split in ("train", "validation"):
            np.testing.assert_array_equal(again.evaluate(split)["nll"], had.evaluate(split)["nll"])
        assert again.frame().equals(had.frame())
        for name, counts in had.histograms.counts.items():
            np.testing.assert_array_equal(again.histograms.counts[name], counts)
