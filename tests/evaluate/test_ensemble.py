import numpy as np
import pytest
from scipy import stats

import jaxtricks as jt
from jaxtricks.objectives.metrics import BINS


@pytest.fixture(scope="module")
def data() -> jt.Dataset:
    """Three clouds of 40 points each, with a test split."""
    y = np.repeat(np.arange(3), 40)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(3, 5))[y] + draw.normal(size=(120, 5))
    return jt.Dataset.from_arrays(x, y, name="clouds", test=(x, y), validation=0.25)


BASE = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.05)), batch_size=30, epochs=3)


def fit(data, split=None):
    return jt.fit(BASE, data, seeds=jt.Seeds(5, split=split), layout=jt.Layout(runs=2), progress=False)


@pytest.fixture(scope="module")
def shared(data):
    return fit(data, split=0)


@pytest.fixture(scope="module")
def own(data):
    return fit(data)


def metrics(probabilities, labels):
    """Accuracy, nll and calibration error, with loops."""
    right = probabilities.argmax(axis=1) == labels
    confidence = probabilities.max(axis=1)
    bins = np.minimum(np.ceil(confidence * BINS) - 1, BINS - 1)
    gaps = [abs(np.mean(right[bins == b]) - np.mean(confidence[bins == b])) * np.mean(bins == b) for b in np.unique(bins)]
    return {"accuracy": right.mean(), "nll": -np.log(probabilities[np.arange(labels.size), labels]).mean(), "ece": sum(gaps)}


def assert_close(report, expected):
    assert report.keys() == expected.keys()
    for name in expected:
        assert report[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-6)


def test_predictions_are_averaged_probabilities(shared, data):
    probabilities = jt.ensemble(shared).probabilities(data.x)
    np.testing.assert_allclose(probabilities, np.mean([np.exp(p) for p in shared.log_probs(data.x)], axis=0), rtol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_members_of_one_split_are_averaged_over_it(shared, data):
    report = jt.ensemble(shared).evaluate(data)
    validation = data.split(0).validation
    assert (report.members, report.members_an_example, report.examples) == (5, 5.0, 30)
    assert_close(report.ensemble, metrics(jt.ensemble(shared).probabilities(data.x[validation]), data.y[validation]))
    assert_close(report.mean_member, {name: values.mean() for name, values in shared.metrics.items()})
    best = {"accuracy": shared.metrics["accuracy"].max(), "nll": shared.metrics["nll"].min(), "ece": shared.metrics["ece"].min()}
    assert_close(report.best_member, best)
    # The average of probabilities loses no more than the members do on average (Jensen).
    assert report.gain["nll"] == pytest.approx(report.ensemble["nll"] - report.mean_member["nll"]) and report.gain["nll"] <= 0


def test_with_splits_of_their_own_only_members_that_held_an_example_out_predict_it(own, data):
    report = jt.ensemble(own).evaluate(data)
    probabilities = np.exp(own.log_probs(data.x))
    rows, counts = {}, []
    for i in range(len(data)):
        held_out = [m for m in range(5) if i not in own.members.train[m]]
        if held_out:
            rows[i] = probabilities[held_out, i].mean(axis=0)
            counts.append(len(held_out))
    assert report.examples == len(rows) < len(data)
    assert report.members_an_example == pytest.approx(np.mean(counts)) and 1 < np.mean(counts) < 5
    assert_close(report.ensemble, metrics(np.stack(list(rows.values())), data.y[list(rows)]))


def test_a_class_that_all_members_exclude_keeps_a_finite_loss(shared, data, monkeypatch):
    wrong = np.full((5, 30, 3), -500.0)  # e⁻⁵⁰⁰ is no float32
    wrong[np.arange(5)[:, None], np.arange(30), (data.y[data.split(0).validation] + 1) % 3] = 0.0
    monkeypatch.setattr(type(shared), "log_probs", lambda runs, x, lengths: wrong)
    assert jt.ensemble(shared).evaluate(data).ensemble["nll"] == pytest.approx(500, rel=1e-3)


def test_another_data_set_is_refused(shared, data):
    with pytest.raises(jt.DataError, match=r"^Dataset\(clouds: .*\) is not the data set that the members were trained on, "):
        jt.ensemble(shared).evaluate(data.subset(100, 0))


def test_the_report_in_words(shared, data):
    report = jt.ensemble(shared).evaluate(data)
    text = str(report)
    assert text.startswith("ensemble of 5 (5.0 an example, 30 examples): accuracy ")
    for numbers in (report.ensemble, report.mean_member, report.best_member):
        assert f"{100 * numbers['accuracy']:.2f}%" in text and f"{numbers['nll']:.4f}" in text
    assert f"[{report.over_mean['nll'].low:+.4f}, {report.over_mean['nll'].high:+.4f}]" in text
    assert text.endswith("15 epochs of training, 5 forward passes a prediction")


def test_the_test_split_stays_locked(own, shared, data):
    jt.ensemble(own).evaluate(data)
    assert data.has_test and not data.openings


def test_the_gain_over_the_members_has_an_interval_over_examples(shared, data):
    report = jt.ensemble(shared).evaluate(data)
    split = data.split(0).validation
    labels, members = data.y[split], np.exp(shared.log_probs(data.x[split]))
    losses = -np.log(members[:, np.arange(30), labels])
    gained = -np.log(members.mean(axis=0)[np.arange(30), labels]) - losses.mean(axis=0)
    half = stats.t.ppf(0.975, 29) * gained.std(ddof=1) / np.sqrt(30)
    assert report.over_mean["nll"] == pytest.approx((gained.mean() - half, gained.mean() + half), rel=1e-3)
    best = -np.log(members.mean(axis=0)[np.arange(30), labels]) - losses[losses.mean(axis=1).argmin()]
    assert sum(report.over_best["nll"]) / 2 == pytest.approx(best.mean(), rel=1e-3)
    named = members.argmax(axis=2)
    pairs = [np.mean(named[i] != named[j]) for i in range(5) for j in range(i)]
    assert report.disagreement == pytest.approx(np.mean(pairs))


def test_logits_are_averaged_where_that_is_asked_for(shared, data):
    scores = np.mean(shared.log_probs(data.x), axis=0)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(jt.ensemble(shared, average="logits").probabilities(data.x), expected, rtol=1e-5)


class TestChosen:
    """Of two experiments, one of which has learnt little."""

    @pytest.fixture(scope="class")
    @staticmethod
    def both(shared, data):
        poor = jt.fit(BASE.replace({"epochs": 1}), data, seeds=jt.Seeds(5, split=0), layout=jt.Layout(runs=2), progress=False)
        return [poor, shared]

    @staticmethod
    def halves(chosen, data):
        validation = data.split(0).validation
        return np.setdiff1d(validation, chosen.judged), chosen.judged

    @pytest.mark.parametrize("choose", [jt.evaluate.TopK(3), jt.evaluate.Greedy(6), jt.evaluate.Fitted()])
    def test_by_one_half_and_judged_by_the_other(self, both, data, choose):
        chosen = jt.ensemble(both, choose=choose)
        used, judged = self.halves(chosen, data)
        assert len(used) == len(judged) == 15 and chosen.weights.sum() == pytest.approx(1)
        report = chosen.evaluate(data)
        assert report.examples == 15 and report.members == np.count_nonzero(chosen.weights) <= 10
        probabilities = np.exp(np.concatenate([runs.log_probs(data.x[judged]) for runs in both]))
        assert_close(report.ensemble, metrics(np.tensordot(chosen.weights, probabilities, 1), data.y[judged]))
        np.testing.assert_allclose(
            chosen.probabilities(data.x[judged]), np.tensordot(chosen.weights, probabilities, 1), rtol=1e-4
        )

    def test_each_rule_does_what_it_says(self, both, data):
        used, _ = self.halves(jt.ensemble(both, choose=jt.evaluate.TopK(1)), data)
        labels = data.y[used]
        right = np.exp(np.concatenate([runs.log_probs(data.x[used]) for runs in both]))[:, np.arange(15), labels]
        top = jt.ensemble(both, choose=jt.evaluate.TopK(3)).weights
        assert set(np.flatnonzero(top)) == set(np.argsort(-np.log(right).mean(axis=1))[:3]) and set(top) == {0, 1 / 3}

        def loss(weights):
            return -np.log(weights @ right).mean()

        greedy = jt.ensemble(both, choose=jt.evaluate.Greedy(4)).weights
        assert np.allclose(4 * greedy, np.round(4 * greedy))
        one = np.eye(10)[np.argmax(np.log(right).mean(axis=1))]
        assert greedy @ one > 0 and loss(greedy) <= loss(one)
        fitted = jt.ensemble(both, choose=jt.evaluate.Fitted(iterations=2_000)).weights
        nudged = [0.99 * fitted + 0.01 * corner for corner in np.eye(10)]
        assert all(loss(fitted) <= loss(other) + 1e-6 for other in nudged)

    def test_what_cannot_be_chosen_from_is_refused(self, both, own, shared, data):
        with pytest.raises(jt.ConfigError, match="different validation splits, and members are chosen by a common one"):
            jt.ensemble(own, choose=jt.evaluate.TopK(2))
        with pytest.raises(jt.ConfigError, match=r"^TopK\.k = 11 is not an integer from 1 to 10\.$"):
            jt.ensemble(both, choose=jt.evaluate.TopK(11))
        with pytest.raises(jt.ConfigError, match=r"^Greedy\.size = 0 is not an integer from 1"):
            jt.ensemble(both, choose=jt.evaluate.Greedy(0))
        with pytest.raises(jt.ConfigError, match="Fitted weighs probabilities"):
            jt.ensemble(both, choose=jt.evaluate.Fitted(), average="logits")
        with pytest.raises(jt.ConfigError, match="different data sets"):
            jt.ensemble([shared, fit(data.subset(100, 0), split=0)])
        with pytest.raises(jt.ConfigError, match="has no member"):
            jt.ensemble([])


def test_checkpoints_of_one_run(data, tmp_path):
    long = BASE.replace({"epochs": 6})
    kept = jt.Checkpoints(tmp_path, every=2)
    runs = jt.fit(long, data, seeds=jt.Seeds(2, split=0), checkpoints=kept, progress=False)
    snapshots = jt.snapshots(tmp_path, data)
    assert list(snapshots) == [2, 4, 5, 6]
    np.testing.assert_array_equal(snapshots[6].log_probs(data.x), runs.log_probs(data.x))
    np.testing.assert_array_equal(snapshots[2].metrics["nll"], runs.curves["nll"][:, 1])
    report = jt.ensemble(list(snapshots.values())).evaluate(data)
    assert (report.members, report.training_epochs) == (8, 12)
    with pytest.raises(jt.CheckpointError, match="holds checkpoints of clouds as it was then"):
        jt.snapshots(tmp_path, data.subset(100, 0))
    with pytest.raises(jt.ConfigError, match=r"^experiment = 1 is not one of the 1 of "):
        jt.snapshots(tmp_path, data, experiment=1)


def test_the_best_member_is_compared_on_the_examples_that_it_held_out(own, data):
    """Members with splits of their own: what averaging gains over the best of them is told of the same examples."""
    report = jt.ensemble(own).evaluate(data)
    validation = [own.sampling.validation[split] for split in own.sampling.split]
    probabilities, best = np.exp(own.log_probs(data.x)), int(own.metrics["nll"].argmin())
    lost = []
    for i in validation[best]:
        together = np.mean([probabilities[m, i, data.y[i]] for m in range(5) if i in validation[m]])
        lost.append(np.log(probabilities[best, i, data.y[i]]) - np.log(together))
    assert report.best_gain["nll"] == pytest.approx(np.mean(lost), rel=1e-3)
    low, high = report.over_best["nll"]
    assert (low + high) / 2 == pytest.approx(np.mean(lost), rel=1e-3)
    assert report.best_member["nll"] == pytest.approx(own.metrics["nll"].min(), rel=1e-4)


class TestValues:
    """Ensembles of regressors, in thousands."""

    @pytest.fixture(scope="class")
    @staticmethod
    def prices():
        draw = np.random.default_rng(0)
        x = draw.normal(size=(300, 3))
        y = 1e5 * (x @ [[1.0], [-0.5], [0.2]] + 0.3 * draw.normal(size=(300, 1))) + 4e5
        return jt.Dataset.from_arrays(x[:160], y[:160], validation=0.25, test=(x[160:], y[160:]), name="prices")

    @pytest.fixture(scope="class")
    @staticmethod
    def members(prices):
        return jt.fit(BASE.replace({"epochs": 8}), prices, seeds=6, layout=jt.Layout(runs=2), progress=False)

    def test_values_are_averaged_in_the_user_s_units(self, members, prices):
        together, each = jt.ensemble(members), members.predict(prices.x, members=True)
        np.testing.assert_allclose(together.predict(prices.x), each.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(together.spread(prices.x), each.std(axis=0, ddof=1), rtol=1e-3)
        weighted = jt.evaluate.Ensemble((members,), "probabilities", np.array([0.5, 0.5, 0, 0, 0, 0]))
        np.testing.assert_allclose(weighted.predict(prices.x), each[:2].mean(axis=0), rtol=1e-5)

    def test_the_report_compares_them_with_their_members(self, members, prices):
        report, each = jt.ensemble(members).evaluate(prices), members.log_probs(prices.x).astype(np.float64)
        held = np.array([np.isin(np.arange(160), members.sampling.validation[split]) for split in members.sampling.split])
        some = held.any(axis=0)
        together = (each * held[..., None]).sum(axis=0)[some] / held.sum(axis=0)[some, None]
        away = together - prices.y[some]
        assert report.examples == some.sum() and list(report.ensemble) == ["rmse", "mae", "r2"]
        assert report.ensemble["rmse"] == pytest.approx(np.sqrt(np.square(away).mean()), rel=1e-4)
        assert report.mean_member["rmse"] == pytest.approx(members.metrics["rmse"].mean(), rel=1e-4)
        assert report.best_member["rmse"] == pytest.approx(members.metrics["rmse"].min(), rel=1e-4)
        low, high = report.over_mean["rmse"]
        assert (low + high) / 2 == pytest.approx(report.gain["rmse"], rel=1e-6) and 1e3 < report.disagreement < 1e5
        best = held[int(members.metrics["rmse"].argmin())]
        rows = np.flatnonzero(best[some])
        gained = np.sqrt(np.square(away[rows]).mean()) - members.metrics["rmse"].min()
        assert report.best_gain["rmse"] == pytest.approx(gained, rel=1e-3, abs=1.0)

    def test_the_width_holds_as_many_new_values_as_it_says_and_the_members_spread_does_not(self, members, prices):
        together = jt.ensemble(members)
        report, test = together.evaluate(prices), prices.open_test("a test")
        (width,) = report.spread.half_width
        inside = np.abs(together.predict(test.x) - test.y) <= width
        assert 0.88 <= inside.mean() <= 1.0  # 95% of 140, and the width is one of 130
        assert report.spread.coverage < 0.9  # the members do not know the noise
        assert report.spread.members[0] == pytest.approx(together.spread(prices.x).mean(), rel=0.6)

    def test_in_words(self, members, prices):
        text = str(jt.ensemble(members).evaluate(prices))
        assert "rmse" in text and "two members are " in text and "holds 95% of new values" in text
        assert all(len(line) < 200 for line in text.splitlines())

    def test_what_has_no_meaning_for_values_is_refused(self, members, prices):
        with pytest.raises(jt.DataError, match=r"^prices holds values; members are chosen by the probabilities of one class"):
            jt.ensemble(members, choose=jt.evaluate.TopK(2))

    def test_times_are_predicted_as_times(self):
        """Inputs and values in seconds since 1970, which float32 does not tell apart."""
        x = 1.7e9 + np.arange(120.0)[:, None]
        times = jt.Dataset.from_arrays(x, x + 60)
        members = jt.fit(BASE.replace({"epochs": 20}), times, seeds=2, layout=jt.Layout(runs=2), progress=False)
        together = jt.ensemble(members)
        np.testing.assert_allclose(together.predict(x), x + 60, atol=30)
        np.testing.assert_allclose(together.predict(x), members.predict(x), atol=0.01)
        assert together.evaluate(times).ensemble["rmse"] < 30 and together.spread(x).max() < 30
