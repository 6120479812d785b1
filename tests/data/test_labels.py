"""What labels are: told by their type and shape, or said; and what they cannot be."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import DataError
from jaxtricks.data.labels import KINDS, inferred

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(20, 3)).astype(np.float32)
SEVERAL = DRAW.integers(0, 2, (20, 4))


@pytest.mark.parametrize(
    ("y", "task", "words"),
    [
        (np.arange(20) % 3, "classes", "3 classes"),
        (SEVERAL, "multilabel", "4 labels, each 0 or 1"),
        (SEVERAL == 1, "multilabel", "4 labels, each 0 or 1"),
        (DRAW.normal(size=(20, 2)), "values", "2 values"),
    ],
)
def test_the_task_is_what_labels_look_like_and_is_said(y, task, words):
    data = jt.Dataset.from_arrays(X, y)
    assert data.task == task and f"20 examples of 3, {words}, no test split" in repr(data)
    assert data.subset(10, 0).task == task and KINDS[task] is data.kind


def test_whole_numbers_in_as_many_columns_as_sequences_have_steps_are_classes_of_steps():
    data = jt.Dataset.from_arrays(np.zeros((20, 3, 2)), DRAW.integers(0, 3, (20, 3)))
    assert data.task == "steps" and "20 examples of 3x2, 3 classes a step, no test split" in repr(data)


def test_a_task_may_be_said_where_labels_could_be_several():
    ambiguous = DRAW.integers(0, 2, (20, 3))  # of each of three steps, or three labels
    with pytest.raises(DataError, match=r"task = 'steps' or task = 'multilabel' says which\.$"):
        jt.Dataset.from_arrays(X, ambiguous)
    assert jt.Dataset.from_arrays(X, ambiguous, task="steps").task == "steps"
    several = jt.Dataset.from_arrays(X, ambiguous, task="multilabel", classes=["red", "green", "blue"])
    assert several.task == "multilabel" and several.y.dtype == np.int32 and several.classes == ("red", "green", "blue")
    numbers = jt.Dataset.from_arrays(X, SEVERAL, task="values")
    assert numbers.task == "values" and numbers.y.dtype == np.float32
    fixed = jt.Dataset.from_arrays(X, SEVERAL, validation=(X, SEVERAL), test=(X, SEVERAL))
    assert fixed.task == "multilabel" and fixed.open_test("to see").y.shape == (20, 4)


def test_one_column_and_one_label_in_each_row_are_not_taken_for_several_labels():
    assert inferred(X, SEVERAL[:, :1]) == inferred(X, np.eye(4, dtype=int)[np.arange(20) % 4]) == "classes"
    one = jt.Dataset.from_arrays(X, np.eye(4, dtype=int)[np.arange(20) % 4], task="multilabel")
    assert one.task == "multilabel"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"y": SEVERAL * 2, "task": "multilabel"},
            "y: 2 is neither 0 nor 1, which the task 'multilabel' asks for.",
        ),
        (
            {"y": SEVERAL * 0.5, "task": "multilabel"},
            "y: 0.5 is neither 0 nor 1, which the task 'multilabel' asks for.",
        ),
        (
            {"y": SEVERAL[:, 0], "task": "multilabel"},
            "y: shape (20,), dtype int32; the task 'multilabel' asks for 0 or 1 for each label, [20, labels].",
        ),
        (
            {"y": SEVERAL, "task": "steps"},
            "y: shape (20, 4), dtype int32; the task 'steps' asks for one int32 for each step, (20, 3).",
        ),
        (
            {"y": SEVERAL[..., None], "task": "values"},
            "y: shape (20, 4, 1), dtype float32; the task 'values' asks for float32 [20, outputs].",
        ),
        ({"y": SEVERAL, "classes": ["a"]}, "y: 4 labels an example; 1, one a name, are allowed."),
        ({"y": SEVERAL, "task": "multilabels"}, "task: 'multilabels' is unknown; did you mean 'multilabel'?"),
        (
            {"y": SEVERAL, "task": "classes"},
            "y: shape (20, 4), dtype int32; one int32 for each of the 20 rows of x is allowed, or one for each of their steps, "
            "or float32 [rows, outputs]; 0 or 1 for each of several labels is task = 'multilabel'.",
        ),
    ],
)
def test_labels_that_a_task_cannot_have_are_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(DataError) as caught:
        jt.Dataset.from_arrays(X, **arguments)
    assert str(caught.value) == sentence
