"""What a network costs, counted by hand."""

import json

import pytest

import jaxtricks as jt
from jaxtricks.evaluate import cost


def test_parameters_bytes_and_operations_of_an_mlp():
    digits = jt.load("digits")
    experiment = jt.Experiment(model=jt.MLP(widths=(32,)), optimizer=jt.Optimizer(rule=jt.Adam()), batch_size=50)
    found = cost(experiment, digits)
    weights, biases = 64 * 32 + 32 * 10, 32 + 10
    assert (found.weights, found.parameters) == (weights, weights + biases)
    assert found.state == 4 * 3 * (weights + biases) + found.state % (weights + biases) and found.state % (weights + biases) < 100
    assert 2 * weights <= found.answer <= 2 * weights + 200  # products, and a few operations of each unit
    products = 50 * 2 * (3 * 32 * 10 + 2 * 64 * 32)  # forward and backward, without the gradient of the input
    assert products <= found.step <= 1.5 * products


def test_a_pruned_network_costs_what_the_whole_one_does():
    digits = jt.load("digits")
    base = jt.Experiment(model=jt.MLP(widths=(8,)))
    assert cost(base.replace({"pruned": jt.optim.Pruned(keep=0.1)}), digits) == cost(base, digits)


@pytest.mark.parametrize("model", [jt.CNN(channels=(4,)), jt.MLP(widths=(8,), normalization="batch")])
def test_other_models_are_counted_and_written(model):
    found = cost(jt.Experiment(model=model), jt.load("digits"))
    assert found.answer > 0 and found.step > found.answer
    assert json.loads(json.dumps(found.to_dict()))["weights"] == found.weights
    assert f"2^{found.weights:,}" in str(found)


def test_what_does_not_fit_is_refused():
    with pytest.raises(jt.ConfigError, match="batch_size"):
        cost(jt.Experiment(batch_size=5_000), jt.load("digits"))
