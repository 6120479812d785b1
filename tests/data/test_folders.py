"""Folders of pictures and texts as people keep them."""

import os

import numpy as np
import pytest
from PIL import Image

import jaxtricks as jt
from jaxtricks import DataError

DRAW = np.random.default_rng(0)
KINDS = ("cat", "dog")
TEXT = jt.Text("word", length=3)


def pictures(folder, count=4, size=(6, 8), mode="L"):
    """A folder with a folder of pictures for each class; gives their pixels by class."""
    made = {}
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        bands = len(Image.new(mode, (1, 1)).getbands())
        made[kind] = [DRAW.integers(0, 256, (*size, bands), np.uint8) for _ in range(count)]
        for place, pixels in enumerate(made[kind]):
            Image.fromarray(pixels.squeeze(-1) if bands == 1 else pixels, mode).save(folder / kind / f"{place}.png")
    return made


def texts(folder, words=("purrs softly", "barks a lot")):
    for kind, said in zip(KINDS, words, strict=True):
        (folder / kind).mkdir(parents=True)
        for place in range(4):
            (folder / kind / f"{place}.txt").write_text(f"{said} {place}")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4), ("LA", 2)])
@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
def test_pictures_by_class_are_read_as_they_are(tmp_path, mode, channels):
    made = pictures(tmp_path / "pets", mode=mode)
    data = jt.Dataset.from_folder(tmp_path / "pets")
    assert data.x.dtype == np.uint8 and data.shape == (6, 8, channels) and data.scale == 255 and data.classes == KINDS
    assert np.array_equal(data.x, np.concatenate([made["cat"], made["dog"]])) and data.y.tolist() == [0] * 4 + [1] * 4
    assert repr(data) == f"Dataset(pets: 8 examples of 6x8x{channels}, 2 classes (cat, dog), no test split)"


def test_a_second_reading_comes_from_the_cache_and_a_changed_file_does_not(tmp_path, monkeypatch):
    pictures(tmp_path / "pets")
    changed = tmp_path / "pets" / "cat" / "a.bmp"
    Image.new("L", (8, 6), 5).save(changed)
    first = jt.Dataset.from_folder(tmp_path / "pets")
    with monkeypatch.context() as patched:
        patched.setattr(Image, "open", None)
        assert np.array_equal(jt.Dataset.from_folder(tmp_path / "pets").x, first.x)
    size = changed.stat().st_size
    Image.new("L", (8, 6), 7).save(changed)
    os.utime(changed, ns=(1, 1))
    assert changed.stat().st_size == size and np.all(jt.Dataset.from_folder(tmp_path / "pets").x[4] == 7)


def test_gray_and_coloured_pictures_together_have_colours(tmp_path):
    tmp_path /= "pets"
    made = pictures(tmp_path)
    Image.new("RGB", (8, 6), (1, 2, 3)).save(tmp_path / "dog" / "x.png")
    Image.new("1", (8, 6), 1).save(tmp_path / "dog" / "y.png")
    Image.new("P", (8, 6)).save(tmp_path / "dog" / "z.gif")
    data = jt.Dataset.from_folder(tmp_path)
    assert (
        data.shape == (6, 8, 3) and np.all(data.x[0] == made["cat"][0]) and data.x[8:10, 0, 0].tolist() == [[1, 2, 3], [255] * 3]
    )
    Image.new("RGBA", (8, 6), (1, 2, 3, 4)).save(tmp_path / "dog" / "x.png")
    clear = jt.Dataset.from_folder(tmp_path)
    assert clear.shape == (6, 8, 4) and np.all(clear.x[0, ..., 3] == 255) and clear.x[8, 0, 0].tolist() == [1, 2, 3, 4]


def test_a_photo_taken_with_a_tilted_camera_stands_upright(tmp_path):
    pictures(tmp_path, size=(8, 6))
    tilted = Image.new("L", (8, 6))
    tilted.getexif()[0x0112] = 6
    exif = tilted.getexif()
    exif[0x0112] = 6
    tilted.save(tmp_path / "dog" / "tilted.jpg", exif=exif)
    assert jt.Dataset.from_folder(tmp_path).shape == (8, 6, 1)


def test_pictures_of_several_sizes_are_resized_on_request(tmp_path):
    pictures(tmp_path)
    Image.new("L", (20, 30), 9).save(tmp_path / "dog" / "large.png")
    with pytest.raises(DataError) as caught:
        jt.Dataset.from_folder(tmp_path)
    first = tmp_path / "cat" / "0.png"
    large = tmp_path / "dog" / "large.png"
    assert str(caught.value) == f"{large}: 30×20 pixels, and {first} has 6×8; size = (height, width) makes all alike."
    data = jt.Dataset.from_folder(tmp_path, size=(5, 4))
    assert data.shape == (5, 4, 1) and np.all(data.x[-1] == 9)


@pytest.mark.parametrize("part", ["validation", "val", "Valid"])
def test_folders_of_parts_are_a_fixed_validation_set_and_a_locked_test_set(tmp_path, part):
    made = {name: pictures(tmp_path / name, count) for name, count in (("train", 4), (part, 2), ("test", 3))}
    data = jt.Dataset.from_folder(tmp_path)
    train, validation = data.split(0)
    assert (len(train), len(validation)) == (8, 4) and np.array_equal(data.x[validation[0]], made[part]["cat"][0])
    assert repr(data).endswith("test split locked)") and len(data.open_test("to see").x) == 6


def test_texts_by_class_are_sequences_or_counts(tmp_path):
    texts(tmp_path / "pets")
    data = jt.Dataset.from_folder(tmp_path / "pets", text=TEXT)
    assert data.classes == KINDS and data.lengths.tolist() == [3] * 8 and data.decode(data.x[-1]) == "barks a lot"
    counted = jt.Dataset.from_folder(tmp_path / "pets", words=2)
    assert counted.shape == (2,) and len(counted.features) == 2
    with pytest.raises(DataError, match="words: None for 'pets', which holds texts"):
        jt.Dataset.from_folder(tmp_path / "pets")


def test_a_folder_is_a_name_for_load_and_the_command_line(tmp_path, monkeypatch):
    pictures(tmp_path / "pets")
    texts(tmp_path / "said")
    monkeypatch.chdir(tmp_path)
    assert jt.load("pets").shape == (6, 8, 1) and jt.load("./pets", size=(3, 3)).shape == (3, 3, 1)
    assert jt.load("said", text=TEXT).classes == KINDS
    (tmp_path / "said" / "train.txt").write_text("a text of one file " * 40)
    assert jt.load("said", text=TEXT).stream


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: (f / "dog" / "2.png").write_bytes(b"\x89PNG no more"), r"pets/dog/2\.png: this picture is broken \("),
        (
            lambda f: Image.new("I;16", (8, 6)).save(f / "dog" / "2.png"),
            r"dog/2\.png: mode 'I;16' has more than 8 bits a channel",
        ),
        (
            lambda f: Image.new("L", (8, 6)).save(f / "dog" / "x.gif", save_all=True, append_images=[Image.new("L", (8, 6), 9)]),
            r"dog/x\.gif: 2 frames, and one picture an example is allowed",
        ),
        (lambda f: (f / "dog" / "notes.docx").write_text(""), r"notes\.docx: neither a picture nor a text by its ending"),
        (lambda f: (f / "dog" / "a.txt").write_text("words"), r"a\.txt is a text and .*/cat/0\.png a picture"),
        (lambda f: (f / "owl").mkdir(), r"pets/owl' is empty; at least one picture or text in each class"),
        (lambda f: (f / "dog").rename(f.parent / "dog"), r"pets' holds one class, 'cat'; two or more are allowed"),
        (lambda f: [(f / kind).rename(f.parent / kind) for kind in KINDS], r"pets' holds no folder; one for each class"),
        (lambda f: f.rename(f.parent / "animals"), r"pets' is no folder; one with a folder of pictures or texts for each class"),
    ],
)
def test_a_folder_that_cannot_be_meant_is_refused_in_one_sentence(tmp_path, change, sentence):
    pictures(tmp_path / "pets")
    change(tmp_path / "pets")
    with pytest.raises(DataError, match=sentence) as caught:
        jt.Dataset.from_folder(tmp_path / "pets")
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_parts_that_do_not_fit_are_refused_in_one_sentence(tmp_path):
    pictures(tmp_path / "train")
    (tmp_path / "val" / "owl").mkdir(parents=True)
    with pytest.raises(DataError, match=r"val/owl' is none of the classes of .*train': cat, dog\.$"):
        jt.Dataset.from_folder(tmp_path)
    (tmp_path / "dev").mkdir()
    with pytest.raises(DataError, match=r"val' and .*dev' are both for validation; one is allowed\.$"):
        jt.Dataset.from_folder(tmp_path)


@pytest.mark.parametrize("size", [(3,), (0, 3), 3, (3.0, 3)])
def test_a_size_is_a_height_and_a_width(tmp_path, size):
    pictures(tmp_path)
    with pytest.raises(DataError, match=r"is no size; \(height, width\) in pixels is allowed, such as \(32, 32\)\.$"):
        jt.Dataset.from_folder(tmp_path, size=size)


def test_a_network_learns_a_folder_of_pictures(tmp_path):
    for kind, level in (("dark", 0), ("light", 128)):
        (tmp_path / kind).mkdir()
        for place in range(20):
            pixels = level + DRAW.integers(0, 128, (4, 4), np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{place}.png")
    base = jt.Experiment(
        model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.02)), batch_size=16, epochs=8
    )
    runs = jt.fit(base, jt.Dataset.from_folder(tmp_path), seeds=2, progress=False)
    assert runs.evaluate("validation")["accuracy"].min() == 1
    assert runs.predict(np.full((1, 4, 4, 1), 200, np.uint8)).tolist() == ["light"]
