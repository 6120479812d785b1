"""What a fit samples: names, tables that members share, and what cannot be drawn."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary
from jaxtricks.experiment.changes import NoisyLabels, PermutedInputs, PermutedLabels, RandomLabels
from jaxtricks.experiment.resampling import All, Disjoint, FiveByTwo, Folds, Forward, Part
from jaxtricks.experiment.seeds import SOURCES, Seeds

SIZE = 60


@pytest.fixture(scope="module")
def data():
    y = np.repeat(np.arange(3), SIZE // 3)
    return jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(SIZE, 4)), y, name="points")


@pytest.fixture(scope="module")
def text():
    tokens = np.arange(25 * 4 + 1, dtype=np.int32) % 6
    letters = Vocabulary(tuple("abcdef"), Tokenizer("char"))
    x, y = tokens[:-1].reshape(25, 4), tokens[1:].reshape(25, 4)
    return jt.Dataset("letters", x, y, tuple("abcdef"), vocabulary=letters, stream=True)


class TestNumbers:
    @pytest.mark.parametrize(
        ("given", "numbers"), [(3, (0, 1, 2)), ((5, 2), (5, 2)), (np.array([5, 2]), (5, 2)), (range(2, 4), (2, 3))]
    )
    def test_a_number_or_the_seeds_themselves(self, given, numbers):
        assert Seeds.of(given).numbers == Seeds.of(Seeds(given)).numbers == numbers
        assert Seeds(given).names == tuple(f"seed {number}" for number in numbers)

    @pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], [0.5], [2**31], 1.5, "12", True, [True, False]])
    def test_what_are_no_seeds(self, seeds):
        with pytest.raises(
            ConfigError, match=r"^seeds = .* is not a number of restarts >= 1, or different integers from 0 to \d+\.$"
        ):
            Seeds(seeds)

    @pytest.mark.parametrize("split", [-1, True, 0.5])
    def test_what_is_no_split(self, split):
        with pytest.raises(ConfigError, match=rf"^split = {split} is not an integer from 0 to 2147483647, or None"):
            Seeds(2, split=split)

    def test_what_restarts_do_not_differ_in(self):
        with pytest.raises(ConfigError, match=r"^vary = 'weight' is nothing that restarts differ in; did you mean 'weights'\?$"):
            Seeds(2, vary=("weight",))


class TestSampling:
    def test_every_seed_has_a_split_of_its_own(self, data):
        sampling = Seeds((5, 2)).sampling(data)
        assert sampling.seeds.tolist() == [5, 2] and sampling.parts.tolist() == [0, 0] and sampling.split.tolist() == [0, 1]
        for row, seed in enumerate((5, 2)):
            np.testing.assert_array_equal(sampling.train[row], data.split(seed).train)
            np.testing.assert_array_equal(sampling.validation[row], data.split(seed).validation)
        assert sampling.weights is sampling.order is sampling.masks is None

    @pytest.mark.parametrize("how", [{"split": 7}, {"vary": ("weights", "order", "masks")}])
    def test_a_shared_split_is_one_row(self, data, how):
        sampling = Seeds((7, 3, 4), **how).sampling(data)
        assert len(sampling.train) == 1 and sampling.split.tolist() == [0, 0, 0]
        np.testing.assert_array_equal(sampling.validation[0], data.split(7).validation)

    @pytest.mark.parametrize("source", SOURCES[1:])
    def test_what_is_not_varied_is_that_of_the_first_seed(self, data, source):
        sampling = Seeds((7, 3), vary=[other for other in SOURCES if other != source]).sampling(data)
        fixed = {name: getattr(sampling, name) for name in SOURCES[1:]}
        assert fixed.pop(source).tolist() == [7, 7] and set(map(type, fixed.values())) == {type(None)}

    def test_a_fixed_validation_set_is_one_row_for_all_seeds(self):
        x = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
        data = jt.Dataset.from_arrays(x, np.arange(9) % 3, validation=(x[:3], np.arange(3)))
        assert len(Seeds(50).sampling(data).train) == 1

    def test_2000_members_that_share_16_splits_hold_16_rows(self, data):
        sampling = Seeds(125, split=0, examples=Folds(16, stratified=False)).sampling(data)
        assert len(sampling) == 2000 and np.bincount(sampling.split).tolist() == [125] * 16
        assert sampling.train.nbytes + sampling.validation.nbytes == 16 * SIZE * 4
        assert sampling.names[17] == "seed 1 fold 1" and len(set(sampling.names)) == 2000

    def test_some_members_keep_the_tables(self, data):
        whole = Seeds(3, vary=("split",), examples=Folds(2)).sampling(data)
        some = whole.at([5, 0])
        assert some.names == ("seed 2 fold 1", "seed 0 fold 0") and some.train is whole.train
        assert some.split.tolist() == [5, 0] and some.parts.tolist() == [1, 0] and some.weights.tolist() == [0, 0]


class TestFolds:
    @pytest.mark.parametrize("folds", [Folds(5), Folds(4, repeats=2), Folds(7, stratified=False)])
    def test_folds_of_a_repeat_are_disjoint_and_validate_on_all_that_divides(self, data, folds):
        sampling = Seeds((3, 8), examples=folds).sampling(data)
        assert len(sampling) == 2 * len(folds.parts) == len(np.unique(sampling.split))
        for repeat in np.split(sampling.validation, 2 * folds.repeats):
            assert len(np.unique(repeat)) == repeat.size == SIZE // folds.folds * folds.folds
        for train, validation in zip(sampling.train, sampling.validation, strict=True):
            np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(SIZE))
            if folds.stratified:
                assert np.ptp(np.bincount(data.y[validation])) <= 1

    def test_each_seed_and_each_repeat_deals_anew(self, data):
        validation = Seeds(2, examples=Folds(3, repeats=2)).sampling(data).validation
        assert len({tuple(row) for row in validation}) == 12

    def test_the_same_seed_deals_the_same(self, data):
        one, other = (Seeds(seeds, examples=Folds(3)).sampling(data) for seeds in ((1, 6), (6, 1)))
        np.testing.assert_array_equal(one.validation[:3], other.validation[3:])
        shared = Seeds(4, split=6, examples=Folds(3)).sampling(data)
        np.testing.assert_array_equal(shared.validation, one.validation[3:])
        assert shared.split.tolist() == [0, 1, 2] * 4

    def test_five_times_two_halves_are_complementary(self, data):
        seeds = Seeds(folds=FiveByTwo())
        sampling = seeds.sampling(data)
        assert len(seeds) == len(sampling) == 10
        for half in range(0, 10, 2):
            np.testing.assert_array_equal(sampling.train[half], sampling.validation[half + 1])
            np.testing.assert_array_equal(sampling.train[half + 1], sampling.validation[half])

    def test_no_group_is_on_both_sides(self, data):
        groups = np.array(["anna", "bert", "carl", "dora"])[np.random.default_rng(0).integers(0, 4, SIZE)]
        sampling = Seeds(3, examples=Folds(4, groups=groups)).sampling(data)
        for train, validation in zip(sampling.train, sampling.validation, strict=True):
            assert len(set(groups[validation])) == 1 and not set(groups[train]) & set(groups[validation])

    def test_unequal_groups_give_equal_sizes_for_every_seed_and_repeat(self, data):
        groups = np.random.default_rng(3).integers(0, 12, SIZE)
        folds = Folds(3, repeats=2, groups=groups)
        sampling = Seeds(20, examples=folds).sampling(data)
        assert len(np.unique(sampling.split)) > 100  # of 20 × 2 × 3: seeds and repeats deal anew
        for train, validation in zip(sampling.train, sampling.validation, strict=True):
            assert not set(groups[train]) & set(groups[validation])
        alone = Seeds((7,), examples=folds).sampling(data)  # a seed's folds do not depend on the other seeds
        np.testing.assert_array_equal(sampling.train[sampling.split][sampling.seeds == 7], alone.train[alone.split])

    def test_folds_of_a_text_are_contiguous(self, text):
        sampling = Seeds(2, examples=Folds(4)).sampling(text)
        assert (np.diff(sampling.validation, axis=1) == 1).all() and len(sampling.validation) == 4  # for both seeds
        assert (np.diff(sampling.validation[:, 0]) == 6).all()


@pytest.mark.parametrize("time", [None, np.random.default_rng(1).permutation(SIZE) * np.timedelta64(1, "D")])
def test_forward_chaining_trains_before_it_validates(data, time):
    sampling = Seeds(3, examples=Forward(4, window=2, time=time)).sampling(data)
    order = np.arange(SIZE) if time is None else time
    assert len(sampling.train) == 4 and sampling.split.tolist() == [0, 1, 2, 3] * 3  # the same for all seeds
    for train, validation in zip(sampling.train, sampling.validation, strict=True):
        assert order[train].max() < order[validation].min()
        assert (len(train), len(validation)) == (20, 10)


class TestPart:
    @pytest.mark.parametrize(("of", "size"), [(0.5, 24), (30, 30), (48, 48)])
    def test_a_part_of_the_training_examples_in_proportion(self, data, of, size):
        sampling, whole = (Seeds(4, examples=examples).sampling(data) for examples in (Part(of), All()))
        np.testing.assert_array_equal(sampling.validation, whole.validation)
        for part, train in zip(sampling.train, whole.train, strict=True):
            assert set(part) <= set(train) and len(part) == size == 3 * np.bincount(data.y[part]).max()

    def test_a_part_of_a_text_is_one_stretch_of_what_is_trained_on(self, text):
        sampling, whole = (Seeds(4, examples=examples).sampling(text) for examples in (Part(8), All()))
        for part, train in zip(sampling.train, whole.train, strict=True):
            first = np.flatnonzero(train == part[0])[0]
            np.testing.assert_array_equal(part, train[first : first + 8])


class TestDisjoint:
    def test_parts_share_no_example_and_each_has_its_own_split(self, data):
        sampling = Seeds(2, examples=Disjoint(4)).sampling(data)
        parts = np.concatenate([sampling.train, sampling.validation], axis=1)
        for seed in (slice(0, 4), slice(4, 8)):
            assert parts[seed].shape == (4, 15) and len(np.unique(parts[seed])) == SIZE
            assert sampling.validation[seed].shape == (4, 3)
        # Another seed is a restart on the same parts, with another split of each.
        np.testing.assert_array_equal(np.sort(parts[:4], axis=1), np.sort(parts[4:], axis=1))
        assert (sampling.validation[:4] != sampling.validation[4:]).any()
        assert Seeds(disjoint=4).names == Seeds(1, examples=Disjoint(4)).names
        assert all(set(data.y[row]) == {0, 1, 2} for row in sampling.validation)


class TestLabels:
    def test_noise_changes_a_share_of_the_training_labels_to_other_classes(self, data):
        sampling = Seeds(4, examples=Folds(3), labels=NoisyLabels(0.25)).sampling(data)
        assert sampling.labels.shape == (12, SIZE) and sampling.labels.dtype == np.int32
        for train, labels in zip(sampling.train, sampling.labels, strict=True):
            changed = np.flatnonzero(labels != data.y)
            assert len(changed) == round(0.25 * len(train)) and set(changed) <= set(train)
            assert set(labels) == {0, 1, 2}
        assert len({tuple(np.flatnonzero(labels != data.y)) for labels in sampling.labels}) == 12

    def test_every_other_class_is_as_likely(self, data):
        labels = Seeds(200, labels=NoisyLabels(1.0)).sampling(data).labels
        counts = np.array([np.bincount(labels[:, data.y == true].ravel(), minlength=3) for true in range(3)])
        trained = 200 * 16  # of each class
        np.testing.assert_array_equal(np.diag(counts), 200 * 4)  # those that are validated on
        others = counts[~np.eye(3, dtype=bool)]
        assert (np.abs(others - trained / 2) < 4 * np.sqrt(trained / 4)).all()

    def test_permuted_labels_are_those_of_the_training_examples(self, data):
        sampling = Seeds(3, labels=PermutedLabels()).sampling(data)
        for train, validation, labels in zip(sampling.train, sampling.validation, sampling.labels, strict=True):
            np.testing.assert_array_equal(labels[validation], data.y[validation])
            np.testing.assert_array_equal(np.sort(labels[train]), np.sort(data.y[train]))
            assert (labels[train] != data.y[train]).mean() > 0.4

    def test_random_labels_are_any_class_with_a_probability_for_each_example(self, data):
        sampling = Seeds(400, labels=RandomLabels(0.5)).sampling(data)
        wrong = [labels[train] != data.y[train] for train, labels in zip(sampling.train, sampling.labels, strict=True)]
        counts = np.array([each.sum() for each in wrong])
        n, p = 48, 0.5 * 2 / 3  # the true class is drawn in a third of the cases
        assert abs(counts.mean() - n * p) < 4 * np.sqrt(n * p * (1 - p) / 400)
        assert 0.7 < counts.var() / (n * p * (1 - p)) < 1.4  # independently: the number of them varies
        for train, labels in zip(sampling.train, sampling.labels, strict=True):
            others = np.setdiff1d(np.arange(SIZE), train)
            np.testing.assert_array_equal(labels[others], data.y[others])
        drawn = np.concatenate([labels[train] for train, labels in zip(sampling.train, sampling.labels, strict=True)])
        assert (np.abs(np.bincount(drawn) / len(drawn) - 1 / 3) < 0.02).all()

    def test_a_larger_probability_changes_what_a_smaller_one_does_and_0_changes_nothing(self, data):
        none, some, more = (Seeds(3, labels=RandomLabels(p)).sampling(data).labels for p in (0, 0.3, 0.8))
        np.testing.assert_array_equal(none, np.tile(data.y, (3, 1)))
        changed = some != none
        assert changed.any() and (more[changed] == some[changed]).all() and (more != none).sum() > changed.sum()

    def test_random_labels_of_fewer_classes_steps_and_several_labels(self, data, text):
        labels = Seeds(1, labels=RandomLabels(1.0, classes=2)).sampling(data)
        assert set(labels.labels[0][labels.train[0]]) == {0, 1}
        steps = Seeds(1, labels=RandomLabels(1.0)).sampling(text)
        drawn, true = steps.labels[0][steps.train[0]], text.y[steps.train[0]]
        assert drawn.shape == true.shape and 0 < (drawn != true).mean() < 1
        several = jt.Dataset.from_arrays(np.zeros((40, 3)), np.eye(3, dtype=int)[np.arange(40) % 3], task="multilabel")
        assert set(Seeds(1, labels=RandomLabels(1.0)).sampling(several).labels[0].ravel()) == {0, 1}
        with pytest.raises(ConfigError, match=r"^RandomLabels\.classes = 2 is for labels that are classes, and arrays has 3"):
            Seeds(1, labels=RandomLabels(1.0, classes=2)).sampling(several)

    def test_several_labels_are_flipped_and_steps_get_other_classes(self, text):
        x = np.random.default_rng(0).normal(size=(40, 3))
        y = np.random.default_rng(1).integers(0, 2, (40, 3))
        several = jt.Dataset.from_arrays(x, y, task="multilabel")
        flipped = Seeds(1, labels=NoisyLabels(0.5)).sampling(several).labels[0]
        assert sorted((flipped != several.y).sum(axis=1).tolist()) == [0] * 24 + [3] * 16
        steps = Seeds(1, labels=NoisyLabels(0.5)).sampling(text).labels[0]
        assert sorted((steps != text.y).sum(axis=1).tolist()) == [0] * 15 + [4] * 10

    def test_members_of_one_split_share_their_labels_and_others_do_not(self, data):
        assert Seeds(9, split=0, labels=NoisyLabels(0.5)).sampling(data).labels.shape == (1, SIZE)
        x = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
        fixed = jt.Dataset.from_arrays(x, np.arange(9) % 3, validation=(x[:3], np.arange(3)))
        assert Seeds(5, labels=NoisyLabels(0.5)).sampling(fixed).labels.shape == (5, 12)


def test_features_have_one_order_for_each_seed(data):
    sampling = Seeds(20, examples=Folds(2), inputs=PermutedInputs()).sampling(data)
    np.testing.assert_array_equal(np.sort(sampling.features, axis=1), np.tile(np.arange(4), (40, 1)))
    np.testing.assert_array_equal(sampling.features[::2], sampling.features[1::2])
    assert len({tuple(row) for row in sampling.features}) > 5  # of 24 that there are
    shared = Seeds(20, split=3, inputs=PermutedInputs()).sampling(data).features
    assert shared.shape == (1, 4)  # one for all that share the split


class TestJSON:
    @pytest.mark.parametrize(
        "seeds",
        [
            Seeds(3),
            Seeds((5, 2), split=4, vary=("masks", "weights")),
            Seeds(2, examples=Folds(3, repeats=2, stratified=False)),
            Seeds(2, examples=Forward(2, window=1)),
            Seeds(2, examples=Part(0.5)),
            Seeds(2, examples=Disjoint(np.int64(2))),
            Seeds(disjoint=3),
            Seeds(folds=FiveByTwo(stratified=False)),
            Seeds(2, labels=NoisyLabels(0.25), inputs=PermutedInputs()),
            Seeds(2, labels=PermutedLabels()),
            Seeds(2, labels=RandomLabels(0.5, classes=2)),
        ],
    )
    def test_it_comes_back_as_it_was(self, data, seeds):
        written = json.loads(json.dumps(seeds.to_json()))
        again = Seeds.from_json(written)
        assert again.to_json() == seeds.to_json() and again.names == seeds.names
        np.testing.assert_array_equal(again.sampling(data).train, seeds.sampling(data).train)

    def test_of_an_array_a_digest_is_written_that_tells_another_one(self):
        one, same, other = (Seeds(2, examples=Folds(2, groups=groups)).to_json() for groups in ([0, 1, 2], (0, 1, 2), [0, 1, 1]))
        assert one == same != other
        with pytest.raises(ConfigError, match=r"^Folds\.groups is an array, which is not written down; give the same `seeds`"):
            Seeds.from_json(one)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Folds(1), "Folds.folds = 1 is not an integer >= 2."),
        (lambda: Folds(2.0), "Folds.folds = 2.0 is not an integer >= 2."),
        (lambda: Folds(repeats=0), "Folds.repeats = 0 is not an integer >= 1."),
        (
            lambda: Folds(groups=[[1, 2]]),
            "Folds.groups has shape (1, 2) and type int64; one number or word for each example is allowed.",
        ),
        (lambda: Folds(groups=[1.0, np.nan]), "Folds.groups: example 1 has nan; a value for each example is allowed."),
        (lambda: Forward(window=0), "Forward.window = 0 is not an integer >= 1."),
        (lambda: Forward(time=[3.0, np.nan]), "Forward.time: example 1 has nan; a value for each example is allowed."),
        (lambda: Part(1.5), "Part.of = 1.5 is not a share between 0 and 1, or a number of examples >= 1."),
        (lambda: Part(0), "Part.of = 0 is not a share between 0 and 1, or a number of examples >= 1."),
        (lambda: NoisyLabels(0), "NoisyLabels.share = 0 is not a share above 0, up to 1."),
        (lambda: NoisyLabels(1.5), "NoisyLabels.share = 1.5 is not a share above 0, up to 1."),
        (lambda: RandomLabels(-0.1), "RandomLabels.probability = -0.1 is not a probability from 0 to 1."),
        (lambda: RandomLabels(True), "RandomLabels.probability = True is not a probability from 0 to 1."),
        (lambda: RandomLabels(0.5, 1), "RandomLabels.classes = 1 is not an integer >= 2, or None for all classes."),
        (lambda: Disjoint(1), "Disjoint.of = 1 is not an integer >= 2."),
        (lambda: Seeds(disjoint=1), "Disjoint.of = 1 is not an integer >= 2."),
        (lambda: Seeds(4, folds=FiveByTwo()), "seeds: FiveByTwo has five seeds, and 4 are given; 5, or none, is allowed."),
        (
            lambda: Seeds(folds=Folds(2), disjoint=3),
            "Seeds: folds and disjoint say which examples a restart sees; one of them is allowed.",
        ),
    ],
)
def test_what_says_nothing_is_refused(make, message):
    with pytest.raises(ConfigError) as error:
        make()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (Folds(21), "Folds.folds = 21 is more than the 20 examples of class '0' of points, and stratified=False allows more."),
        (Folds(61, stratified=False), "Folds.folds = 61 is more than the 60 examples of points."),
        (Folds(3, groups=[0, 1] * 30), "Folds.folds = 3 is more than the 2 groups of Folds.groups."),
        (Folds(groups=range(9)), "Folds.groups has 9 values, and points has 60 examples; one for each is allowed."),
        (Forward(time=range(9)), "Forward.time has 9 values, and points has 60 examples; one for each is allowed."),
        (Forward(50, window=11), "Forward.folds + Forward.window = 61 is more than the 60 examples of points."),
        (Part(49), "Part.of = 49 asks for 49 of the 48 examples that points has for training; 1 to 48 are allowed."),
        (Part(0.01), "Part.of = 0.01 asks for 0 of the 48 examples that points has for training; 1 to 48 are allowed."),
        (
            Disjoint(30),
            "Disjoint.of = 30 leaves 2 of the 60 examples of points for each part, too few to train and to validate a share of "
            "0.2 on; a smaller number is allowed.",
        ),
    ],
)
def test_what_the_data_cannot_give_is_one_sentence(data, examples, message):
    with pytest.raises(ConfigError) as error:
        Seeds(2, examples=examples).sampling(data)
    assert str(error.value) == message


@pytest.mark.parametrize("examples", [Folds(2), Forward(1), Disjoint(2)])
def test_fixed_validation_examples_are_not_drawn(examples):
    x = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    data = jt.Dataset.from_arrays(x, np.arange(9) % 3, validation=(x[:3], np.arange(3)), name="fixed")
    with pytest.raises(ConfigError, match=r"^Seeds\.examples = \w+ draws validation examples, and those of fixed are fixed; All"):
        Seeds(2, examples=examples).sampling(data)


@pytest.mark.parametrize("examples", [Folds(2, repeats=2), Folds(2, groups=[0, 1] * 12 + [0])])
def test_a_text_has_one_way_to_be_cut(text, examples):
    with pytest.raises(
        ConfigError, match=r"^Folds of letters, windows of one text, are contiguous; only repeats=1 and groups=None"
    ):
        Seeds(2, examples=examples).sampling(text)


def test_labels_and_inputs_that_cannot_be_changed(data, text):
    values = jt.Dataset.from_arrays(np.zeros((9, 2)), np.zeros((9, 1)), name="sums")
    one = jt.Dataset.from_arrays(np.zeros((9, 2)), np.zeros(9, int), name="alike")
    for given, seeds, message in (
        (values, Seeds(1, labels=NoisyLabels(0.5)), "y: sums has values, of which none is wrong as a class can be; classes"),
        (
            one,
            Seeds(1, labels=NoisyLabels(0.5)),
            "classes: alike has 1, and a wrong label is another one; 2 or more are allowed.",
        ),
        (values, Seeds(1, labels=RandomLabels(0.5)), "y: sums has values, of which none can be drawn as a class can be; classes"),
        (one, Seeds(1, labels=RandomLabels(0.5)), "classes: alike has 1, of which no other can be drawn; 2 or more are allowed."),
        (
            data,
            Seeds(1, labels=RandomLabels(0.5, classes=4)),
            "RandomLabels.classes = 4 is more than the 3 of points; 2 to 3 are allowed.",
        ),
        (data, Seeds(1, labels=NoisyLabels(0.01)), "NoisyLabels.share = 0.01 of 48 training examples is none; more is allowed."),
        (text, Seeds(1, inputs=PermutedInputs()), "Seeds.inputs = PermutedInputs permutes features, and letters holds tokens"),
    ):
        with pytest.raises((ConfigError, jt.DataError)) as error:
            seeds.sampling(given)
        assert str(error.value).startswith(message)
