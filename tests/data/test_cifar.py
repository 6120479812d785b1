"""CIFAR in its own files. The true ones are not at hand: these are tiny, of the same form, with md5s and sizes of their own."""

import dataclasses
import hashlib
import pickle

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import DataError
from jaxtricks.data import cifar

DRAW = np.random.default_rng(0)
NAMES = {"10": ("plane", "car"), "100": ("apple", "bee", "cup")}
EACH = 6  # examples of a file


def written(folder, title, monkeypatch):
    """Writes the files of a form, and makes their md5s or sizes those that are wanted; gives images and labels by file."""
    form = next(form for form in cifar.FORMS if form.title == title)
    classes = NAMES["100" if "100" in title else "10"]
    folder.mkdir()
    held = {}
    for file in (*form.train, form.test):
        pixels, labels = DRAW.integers(0, 256, (EACH, 3, 32, 32), np.uint8), np.arange(EACH) % len(classes)
        held[file] = pixels.transpose(0, 2, 3, 1), labels
        flat = pixels.reshape(EACH, -1)
        if "Python" in title:
            key = b"fine_labels" if "100" in title else b"labels"
            contents = pickle.dumps({b"data": flat, key: labels.tolist(), b"filenames": [b"a.png"] * EACH}, protocol=2)
        else:
            coarse = [np.full(EACH, 7)] * ("100" in title)
            contents = np.column_stack([*coarse, labels, flat]).astype(np.uint8).tobytes()
        (folder / file).write_bytes(contents)
    if "Python" in title:
        key = b"fine_label_names" if "100" in title else b"label_names"
        (folder / form.names).write_bytes(pickle.dumps({key: [name.encode() for name in classes]}, protocol=2))
    else:
        (folder / form.names).write_text("\n".join(classes) + "\n\n")
    sums = {file: hashlib.md5((folder / file).read_bytes()).hexdigest() for file in form.md5}
    sizes = {file: (folder / file).stat().st_size for file in form.sizes}
    fake = dataclasses.replace(form, md5=sums, sizes=sizes)
    monkeypatch.setattr(cifar.form_of, "__defaults__", (tuple(fake if one is form else one for one in cifar.FORMS),))
    return held, classes, fake


TITLES = [form.title for form in cifar.FORMS]


@pytest.mark.parametrize("title", TITLES)
def test_all_forms_are_read(tmp_path, title, monkeypatch):
    held, classes, form = written(tmp_path / "mine", title, monkeypatch)
    data = jt.load(str(tmp_path / "mine"))
    assert data.name == "mine" and data.classes == classes and data.scale == 255 and data.x.dtype == np.uint8
    assert np.array_equal(data.x, np.concatenate([held[file][0] for file in form.train]))
    assert np.array_equal(data.y, np.concatenate([held[file][1] for file in form.train]))
    test = data.open_test("to see")
    assert np.array_equal(test.x, held[form.test][0]) and np.array_equal(test.y, held[form.test][1])
    monkeypatch.setattr(cifar, "_read", None)
    assert np.array_equal(jt.Dataset.from_folder(tmp_path / "mine").x, data.x)  # from the cache


@pytest.mark.parametrize("title", TITLES)
def test_a_broken_file_is_named(tmp_path, title, monkeypatch):
    _, _, form = written(tmp_path / "mine", title, monkeypatch)
    file = tmp_path / "mine" / form.train[-1]
    contents = file.read_bytes()
    broken = contents[:100] + bytes([contents[100] ^ 1]) + contents[101:] if form.md5 else contents[:-1]
    file.write_bytes(broken)
    with pytest.raises(DataError) as refused:
        jt.load(str(tmp_path / "mine"))
    found, wanted = hashlib.md5(broken).hexdigest(), form.md5.get(file.name)
    said = (
        f"its md5 is {found}, and {wanted} is that"
        if form.md5
        else f"it has {len(broken):,} bytes, and {len(contents):,} are those"
    )
    assert str(refused.value) == f"{file}: {said} of {title}; copy it again from {form.archive}."
    assert not list((tmp_path / "cache").rglob("about.json"))


def test_a_file_that_is_missing_is_named(tmp_path, monkeypatch):
    written(tmp_path / "mine", "CIFAR-10 for Python", monkeypatch)
    (tmp_path / "mine" / "data_batch_3").unlink()
    with pytest.raises(
        DataError, match=r"data_batch_3: there is no such file; CIFAR-10 for Python has data_batch_1, data_batch_2, "
    ):
        jt.load(str(tmp_path / "mine"))


def test_a_class_that_is_not_there_is_named(tmp_path, monkeypatch):
    written(tmp_path / "mine", "binary CIFAR-10", monkeypatch)
    (tmp_path / "mine" / "batches.meta.txt").write_text("plane\n")
    with pytest.raises(DataError, match=r"data_batch_1\.bin: class 1 is none of the 1 of batches\.meta\.txt\.$"):
        jt.load(str(tmp_path / "mine"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": (8, 8)}, r"^size: \(8, 8\) for 'mine', which holds images of 32 × 32"),
        ({"words": 5}, r"^words: 5 for 'mine', which holds images"),
    ],
)
def test_options_that_do_not_fit(tmp_path, monkeypatch, options, error):
    written(tmp_path / "mine", "binary CIFAR-100", monkeypatch)
    with pytest.raises(DataError, match=error):
        jt.load(str(tmp_path / "mine"), **options)


class Harm:
    def __reduce__(self):
        return print, ("called",)


def test_a_pickle_calls_nothing(capsys):
    with pytest.raises(pickle.UnpicklingError, match=r"it names .*\.print"):
        cifar.unpickled(pickle.dumps({b"data": Harm()}, protocol=2))
    assert not capsys.readouterr().out
    array = np.arange(3, dtype=np.uint8)
    assert np.array_equal(cifar.unpickled(pickle.dumps([array, b"\xff"], protocol=2))[0], array)


def test_the_md5s_are_well_formed_and_all_different():
    sums = [md5 for form in cifar.FORMS for md5 in form.md5.values()]
    assert len(set(sums)) == 10 and all(len(md5) == 32 and int(md5, 16) for md5 in sums)
    assert cifar.FORMS[2].sizes["data_batch_1.bin"] == 30_730_000 and cifar.FORMS[3].sizes["train.bin"] == 153_700_000
