"""Texts in lists, and sources that give one example after the other: PyTorch's, Hugging Face's, one's own."""

import numpy as np
import pytest
from PIL import Image

import jaxtricks as jt
from jaxtricks import DataError

SAID = ["so good and long", "so bad", "good", "bad bad"] * 5
MOODS = ["up", "down"] * 10
WORDS = jt.Text("word", length=3)


class Squares:
    """A source like one of PyTorch's: a length, and a pair for each place."""

    def __init__(self, change=None):
        self.change = change

    def __len__(self):
        return 12

    def __getitem__(self, place):
        pair = (np.full((4, 4, 1), place, np.uint8), place % 3)
        return pair if self.change is None or place != 5 else self.change(pair)


def test_texts_and_labels_from_lists_are_padded_sequences():
    data = jt.Dataset.from_texts(SAID, MOODS, text=WORDS, name="said")
    assert (
        data.classes == ("down", "up") and data.lengths[:4].tolist() == [3, 2, 1, 2] and data.decode(data.x[0]) == "so good and"
    )
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"said": SAID, "mood": MOODS})
    again = jt.Dataset.from_texts(frame["said"], frame["mood"], text=WORDS)
    assert np.array_equal(again.x, data.x) and np.array_equal(again.y, data.y)


def test_texts_to_validate_and_to_test_on_share_the_vocabulary():
    fixed, locked = (["never so good"], ["up"]), (["unheard of"], ["down"])
    data = jt.Dataset.from_texts(SAID, MOODS, text=WORDS, validation=fixed, test=locked)
    assert data.split(0).validation.tolist() == [20] and data.decode(data.x[20]) == "never so good"
    test = data.open_test("to see")
    assert test.y.tolist() == [0] and data.decode(test.x[0][:2]) == "<unk> <unk>"


def test_texts_may_be_counted_and_their_labels_values():
    data = jt.Dataset.from_texts(SAID, np.arange(20) / 7, words=3)
    assert data.features == ("bad", "good", "so") and data.x[3].tolist() == [2, 0, 0] and data.task == "values"


@pytest.mark.parametrize(
    ("texts", "labels", "options", "sentence"),
    [
        (SAID, MOODS[:9], {"text": WORDS}, "y: 9 labels for the 20 examples of x; one for each is allowed."),
        ([*SAID[:3], None], MOODS[:4], {"text": WORDS}, "texts: text 3 is None; strings are allowed."),
        ("so good", ["up"], {"text": WORDS}, "texts: 'so good' is one text; a list of texts is allowed."),
        ([], [], {"text": WORDS}, "texts: there is none; at least one text is allowed."),
        ([*SAID[:3], " "], MOODS[:4], {"text": WORDS}, "'texts': text 3 of the pool is empty; at least one word in each"),
        (SAID, MOODS, {}, "words: None for 'texts', which holds texts; a number of words to count is allowed, such as 5000"),
    ],
)
def test_texts_that_cannot_be_meant_are_refused_in_one_sentence(texts, labels, options, sentence):
    with pytest.raises(DataError) as caught:
        jt.Dataset.from_texts(texts, labels, **options)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_a_source_of_pairs_is_read_in_its_order():
    data = jt.Dataset.from_source(Squares(), name="squares", validation=0.5, test=Squares())
    assert data.shape == (4, 4, 1) and data.x.dtype == np.uint8 and data.x[:, 0, 0, 0].tolist() == list(range(12))
    assert data.y.tolist() == [0, 1, 2] * 4 and len(data.split(0).validation) == 6 and len(data.open_test("to see").x) == 12


def test_a_data_set_of_torch_is_a_source():
    torch = pytest.importorskip("torch")
    x, y = torch.arange(24.0).reshape(12, 2), torch.arange(12) % 2
    data = jt.Dataset.from_source(torch.utils.data.TensorDataset(x, y))
    assert np.array_equal(data.x, x.numpy()) and np.array_equal(data.y, y.numpy()) and data.task == "classes"
    pixels = torch.utils.data.TensorDataset(torch.zeros(12, 3, 8, 8), y)
    with pytest.raises(DataError, match=r"^x: source holds inputs of shape \(3, 8, 8\), channels first; "):
        jt.Dataset.from_source(pixels)


def test_a_data_set_of_hugging_face_is_a_source_and_keeps_its_classes():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "said": datasets.Value("string"), "mood": datasets.ClassLabel(names=["down", "up"])}
        | {name: datasets.Value("float32") for name in ("wide", "tall")}
    )
    rows = {
        "image": [Image.new("L", (5, 4), place) for place in range(20)],
        "said": SAID,
        "mood": [int(mood == "up") for mood in MOODS],
        "wide": np.arange(20.0) / 2,
        "tall": np.arange(20.0) + 100,
    }
    source = datasets.Dataset.from_dict(rows, features=features)
    images = jt.Dataset.from_source(source, x="image", y="mood")
    assert images.classes == ("down", "up") and images.shape == (4, 5, 1) and images.x[:, 0, 0, 0].tolist() == list(range(20))
    said = jt.Dataset.from_source(source, x="said", y="mood", text=WORDS, validation=source.select(range(5)))
    assert said.classes == ("down", "up") and said.decode(said.x[0]) == "so good and" and said.split(0).validation[0] == 20
    numbers = jt.Dataset.from_source(source, x=["wide", "tall"], y="wide")
    assert numbers.features == ("wide", "tall") and numbers.x[3].tolist() == [1.5, 103.0] and numbers.task == "values"


def rows_of(*names):
    return [dict.fromkeys(names, 1.5)] * 4


@pytest.mark.parametrize(
    ("source", "options", "sentence"),
    [
        (
            Squares(lambda pair: (pair[0][:2], 0)),
            {},
            "x of example 5 of source is of shape (2, 4, 1), and that of",
        ),
        (
            Squares(lambda pair: (pair[0], [0, 1])),
            {},
            "y of example 5 of source is of shape (2,), and that of",
        ),
        (
            Squares(lambda pair: ("text", 0)),
            {},
            "x of example 5 of source is a text, and that of example 0 is",
        ),
        (Squares(lambda pair: 1 / 0), {}, "example 5 of source cannot be read (ZeroDivisionError: division by zero)."),
        (Squares(lambda pair: 3), {}, "x: 0 of example 5 of source, which is 3; a dict with that name or a tuple is allowed."),
        (Squares(), {"text": WORDS}, "text: Text(level='word', length=3, vocabulary=None) for source, whose inputs are no texts"),
        (Squares(), {"y": "label"}, "y: 'label' of example 0 of source, which is (array("),
        (rows_of("a", "b"), {}, "x: None for example 0 of source, which holds a, b; the name of one of these is allowed."),
        (rows_of("a", "b"), {"x": "a", "y": "c"}, "y: 'c' is not in example 0 of source; there are: a, b."),
        (iter("ab"), {}, "source: <str_"),
        ([], {}, "source: it holds no examples; at least one is allowed."),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_in_one_sentence(source, options, sentence):
    with pytest.raises(DataError) as caught:
        jt.Dataset.from_source(source, **options)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_pictures_of_a_source_have_one_size_or_are_resized():
    source = [(Image.new("RGB", (4 + place % 2, 4), place), place % 2) for place in range(8)]
    with pytest.raises(DataError, match=r"^x of example 1 of source: 4×5 pixels, and x of example 0 of source has 4×4; size = "):
        jt.Dataset.from_source(source)
    assert jt.Dataset.from_source(source, size=(2, 3)).shape == (2, 3, 3)
