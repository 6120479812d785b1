"""Drift of new data: the classifier against one by hand, false alarms, and what each part sees."""

import json

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import roc_auc_score

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.diagnose import drift, told_apart
from jaxtricks.diagnose import two_samples as rule
from jaxtricks.diagnose.drifting import _corrected, _held_out, _shift


def cloud(seed, n, numbers=3, by=0.0, spread=1.0):
    return np.random.default_rng(seed).normal(by, spread, size=(n, numbers))


@pytest.fixture(scope="module")
def world():
    """400 examples of three numbers, a category and a gap, of which 300 are trained on; and the other 100."""
    draw = np.random.default_rng(0)
    number, town = draw.normal(size=400), draw.choice(["Oslo", "Bergen", "Moss"], 400, p=[0.5, 0.3, 0.2])
    gaps = np.where(draw.random(400) < 0.2, np.nan, draw.normal(size=400))
    label = np.where(number + (town == "Oslo") + draw.normal(size=400) > 0.5, "yes", "no")
    frame = {"number": number, "town": town, "gaps": gaps}
    old, new = ({name: column[places] for name, column in frame.items()} for places in (slice(300), slice(300, 400)))
    data = jt.Dataset.from_frame(old | {"label": label[:300]}, "label", name="world")
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=2, batch_size=32)
    return jt.fit(base, data, seeds=3, progress=False), new


def test_the_classifier_is_kernel_ridge_refitted_for_each_fold_and_order():
    one, other = cloud(0, 40), cloud(1, 30, by=0.6)
    found = told_apart(one, other, permutations=3, seed=5)
    generator = rng.host(5, "two samples")
    rows, labels = np.concatenate([one, other]), np.arange(70) >= 40
    fold = np.concatenate([generator.permutation(len(each)) % rule.FOLDS for each in (one, other)])
    assert {(labels[fold == k].sum(), (fold == k).sum()) for k in range(5)} == {(6, 14)}
    orders = rule._permuted(labels, fold, 3, generator)
    gamma = rule._width(rows, generator)
    areas = []
    for order in orders.T:
        each = []
        for k in range(5):
            assert order[fold == k].sum() == 6
            model = KernelRidge(alpha=1.0, kernel="rbf", gamma=gamma)
            model.fit(rows[fold != k], order[fold != k] - order[fold != k].mean())
            each.append(roc_auc_score(order[fold == k], model.predict(rows[fold == k])))
        areas.append(np.mean(each))
    assert found.auc == pytest.approx(areas[0])
    assert found.p == np.mean(np.array(areas) >= areas[0] - 1e-12)
    assert found.low < found.auc < found.high


def test_without_a_difference_p_is_below_a_tenth_in_a_tenth_of_samples():
    ps = np.array([told_apart(cloud([7, s], 40), cloud([8, s], 30), permutations=39).p for s in range(80)])
    assert 0.02 < np.mean(ps <= 0.1) < 0.2 and abs(ps.mean() - 0.5) < 0.1


@pytest.mark.parametrize("odds", [[0.005], [0.005, 0.05, 0.3, 0.645]])
def test_rare_values_raise_no_more_alarms_than_promised(odds):
    """Looks of 20 beside 4,000 at three features, each a flag that 1 in 200 has, or a category with a value that 1 in 200 has."""
    draw, alarms = np.random.default_rng(0), []
    for _ in range(200):
        shifts = []
        for name in "abc":
            old, new = (draw.multinomial(n, [*odds, 1 - sum(odds)]) for n in (4_000, 20))
            rows = (np.repeat(np.eye(len(counts))[:, : len(odds)], counts, axis=0) for counts in (old, new))
            shifts.append(_shift(name, *rows, [str(place) for place in range(len(odds))]))
        alarms.append(min(shift.corrected for shift in _corrected(shifts)) <= 0.05)
    assert np.mean(alarms) <= 0.1  # 0.05 and three standard errors


def test_a_spread_is_told_apart_too():
    assert told_apart(cloud(2, 150), cloud(3, 150, spread=1.7), permutations=99).p == 0.01


def test_every_example_is_judged_by_a_member_that_held_it_out():
    validation = np.array([[0, 1], [1, 2], [2, 5]])
    places, members = _held_out(validation, np.random.default_rng(0))
    assert places.tolist() == [0, 1, 2, 5]
    assert all(place in validation[member] for place, member in zip(places, members, strict=True))
    drawn = {tuple(_held_out(validation, np.random.default_rng(seed))[1]) for seed in range(20)}
    assert len(drawn) == 4  # two examples with two members each


def test_new_data_of_the_same_kind_raise_no_alarm(world):
    runs, new = world
    found = drift(runs, new)
    assert not found.alarm and found.alarms == () and "no alarm" in str(found)
    assert [shift.name for shift in found.features] == ["number", "town", "gaps", "gaps is missing"]
    assert [shift.name for shift in found.scores] == ["P(no)", "P(yes)", "largest probability", "predicted class"]
    assert (found.reference, found.examples) == (300, 100)


@pytest.mark.parametrize(
    ("change", "feature", "words"),
    [
        (lambda new: {"number": new["number"] + 1}, "number", "mean"),
        (lambda new: {"town": np.where(new["number"] > -0.5, "Hamar", new["town"])}, "town", "others: "),
        (lambda new: {"gaps": np.where(new["number"] > -0.5, np.nan, new["gaps"])}, "gaps is missing", "gaps is missing: "),
    ],
)
def test_what_changed_is_named(change, feature, words, world):
    runs, new = world
    found = drift(runs, new | change(new))
    surest = min(found.features, key=lambda shift: shift.p)
    assert found.alarm and "features" in found.alarms and surest.name == feature and words in surest.words
    assert surest.psi.low > 0 and surest.corrected == pytest.approx(min(1, 4 * surest.p))
    assert feature in str(found).split("\n\n")[1].splitlines()[1]
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["alarm"] and {shift["name"] for shift in told["features"]} >= {feature}


def test_what_goes_with_what_is_seen_by_the_classifier_alone():
    draw = np.random.default_rng(4)
    x = draw.normal(size=(600, 2))
    x[:, 1] = 0.9 * x[:, 0] + 0.44 * x[:, 1]
    data = jt.Dataset.from_arrays(x[:400], (x[:400, 0] > 0).astype(int), name="pairs")
    runs = jt.fit(jt.Experiment(model=jt.MLP(widths=()), epochs=1), data, seeds=2, progress=False)
    new = np.column_stack([x[400:, 0], draw.permutation(x[400:, 1])])
    found = drift(runs, new)
    assert "classifier" in found.alarms and "features" not in found.alarms


def test_the_rule_is_a_third_for_each_part(world):
    runs, new = world
    found = drift(runs, new)
    assert found.p["features"] == pytest.approx(min(1, 3 * min(shift.corrected for shift in found.features)))
    assert found.p["classifier"] == pytest.approx(min(1, 3 * found.classifier.p))


def test_values_are_compared_in_the_users_units_and_diverged_restarts_do_not_count(blobs):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(100, 2))
    data = jt.Dataset.from_arrays(x, 1e6 + x[:, 0], name="prices", task="values")
    base = jt.Experiment(model=jt.MLP(widths=()), epochs=1, batch_size=16)
    found = drift(jt.fit(base, data, seeds=2, progress=False), x)
    (score,) = found.scores
    assert score.name.startswith("predicted ") and "mean 1" in score.words and "e+06" in score.words
    wild = base.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)})
    with pytest.raises(jt.ConfigError, match=r"all 2 restarts diverged"):
        drift(jt.fit(wild, data, seeds=2, progress=False), x)


def test_what_cannot_be_compared_is_refused_in_one_sentence(world):
    runs, new = world
    with pytest.raises(jt.DataError, match=r"the table has no column 'gaps'"):
        drift(runs, {name: new[name] for name in ("number", "town")})
    with pytest.raises(jt.DataError, match=r"5 new examples; at least 20"):
        drift(runs, {name: column[:5] for name, column in new.items()})
    with pytest.raises(jt.ConfigError, match=r"alpha = 0\.001 is not a share of false alarms in \[0\.003, 1\)"):
        drift(runs, new, alpha=0.001)
