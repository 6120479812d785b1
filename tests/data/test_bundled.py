"""Tables that come with scikit-learn, by name."""

import numpy as np
import pytest
import sklearn.datasets

import jaxtricks as jt
from jaxtricks.data import DataError, names

TASKS = {"iris": "classes", "wine": "classes", "breast_cancer": "classes", "diabetes": "values"}


@pytest.mark.parametrize("name", TASKS)
def test_a_table_of_scikit_learn_is_loaded_by_name_with_its_names(name, offline):
    data, whole = jt.load(name), getattr(sklearn.datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    assert data.task == TASKS[name] and data.features == tuple(whole.feature_names)
    assert data.classes == (tuple(whole.target_names) if "target_names" in whole else ("target",))
    test = data.open_test("to see")
    x, y = np.concatenate([data.x, test.x]), np.concatenate([data.y, test.y]).ravel()
    ours, theirs = np.column_stack([x, y]), np.column_stack([whole.data.astype(np.float32), whole.target])
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
    assert np.array_equal(jt.load(name).x, data.x)


@pytest.mark.parametrize("name", TASKS)
def test_the_list_of_data_sets_says_what_they_hold(name):
    listing, data = next(each for each in names() if each.name == name), jt.load(name)
    assert (listing.examples, listing.shape, listing.classes, listing.task) == (
        len(data),
        data.shape,
        len(data.classes),
        data.task,
    )
    assert listing.labels == data.kind.words(len(data.classes))


def test_a_table_of_numbers_has_no_words():
    with pytest.raises(DataError, match=r"^words: 100 for 'iris', which holds numbers; only None is allowed\.$"):
        jt.load("iris", words=100)


@pytest.mark.parametrize("name", ["glue/sst2", "titanic", "mnist", "ag_news_subset"])
def test_a_name_of_tfds_is_known_without_tensorflow(name, tmp_path):
    with pytest.raises(DataError, match=rf"^'{name}' is not prepared in .*; these two lines prepare it:\n"):
        jt.load(name, tmp_path)


@pytest.mark.parametrize("name", ["irsi", "nonsense", "core", "read_only_builder"])
def test_another_name_is_said_to_be_unknown(name, tmp_path):
    with pytest.raises(DataError, match=rf"^'{name}' is neither embedded, nor a folder, nor among the names that TFDS lists; "):
        jt.load(name, tmp_path)


def test_a_size_is_for_folders_of_pictures():
    with pytest.raises(DataError, match=r"^size: \(3, 3\) for 'digits', which is no folder of pictures; only None is allowed\.$"):
        jt.load("digits", size=(3, 3))
