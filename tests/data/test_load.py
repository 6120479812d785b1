import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxtricks.data import DataError, load, names
from jaxtricks.data.prepared import Prepared

SHAPE, NAMES = (6, 5, 3), ("bag", "boot", "coat")
SIZES = {"train": 40, "validation": 11, "test": 20}


def image(place: int) -> np.ndarray:
    """A picture that tells its place, so that a test sees which example it got."""
    return np.random.default_rng(place).integers(0, 256, SHAPE, np.uint8)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where TFDS has prepared `tiny_clothes`: PNG images, two labels of which one is meant, a text."""
    import tensorflow_datasets as tfds
    from PIL import Image

    features = {
        "id": tfds.features.Text(),
        "image": tfds.features.Image(shape=SHAPE),
        "kind": tfds.features.ClassLabel(num_classes=2),
        "label": tfds.features.ClassLabel(names=list(NAMES)),
    }

    class TinyClothes(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.2.0")

        def _info(self):
            features_dict = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=features_dict, supervised_keys=("image", "label"))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in SIZES}

        def _generate_examples(self, split):
            start = 1000 * list(SIZES).index(split)
            for place in range(start, start + SIZES[split]):
                # Given as a Pillow image: an array is encoded by TensorFlow.
                picture = Image.fromarray(image(place))
                yield place, {"id": f"no. {place}", "image": picture, "kind": place % 2, "label": place % len(NAMES)}

    folder = tmp_path_factory.mktemp("tfds")
    TinyClothes(data_dir=folder, file_format="array_record").download_and_prepare()
    return folder


def without_tfds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, importing TFDS fails."""
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)


@pytest.fixture
def own(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the prepared folder to change things in."""
    shutil.copytree(prepared / "tiny_clothes", tmp_path / "own" / "tiny_clothes")
    return tmp_path / "own"


def change(file: Path, edit) -> None:
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


def rows(x: np.ndarray, y: np.ndarray) -> list[bytes]:
    return sorted(image.astype(np.uint8).tobytes() + bytes([label]) for image, label in zip(x, y, strict=True))


def test_digits_are_those_of_scikit_learn(offline, capfd):
    digits = load("digits")
    x, y, _ = digits.open_test("to compare with scikit-learn")[:3]
    assert repr(digits).startswith("Dataset(digits: 1437 examples of 8x8x1, 10 classes")
    assert digits.scale == 16 == digits.x.max() and digits.x.dtype == np.uint8
    images, labels = load_digits(return_X_y=True)
    both = np.concatenate([digits.x, x]), np.concatenate([digits.y, y])
    assert rows(*both) == rows(images, labels)
    shares = np.bincount(y) / np.bincount(labels)
    assert len(y) == 360 and np.all(np.abs(shares - 360 / 1797) < 0.01)
    assert not capfd.readouterr().out


def test_digits_are_read_once_through_tfds_and_then_from_the_cache(monkeypatch, cache):
    first = load("digits")
    without_tfds(monkeypatch)
    second = load("digits")
    assert np.array_equal(first.x, second.x) and np.array_equal(first.y, second.y)
    assert first.classes == second.classes and first.scale == second.scale
    assert [child.name for child in (cache / "data").iterdir()] == ["digits-1.0.0"]


def test_importing_the_room_does_not_import_tfds():
    code = "import sys, jaxtricks.data; assert not {'tensorflow_datasets', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_prepared_set_is_read_with_its_own_splits(prepared, offline):
    dataset = load("tiny_clothes", prepared)
    x, y, _ = dataset.open_test("to see whether it is read right")[:3]
    assert dataset.classes == NAMES and dataset.shape == SHAPE and dataset.scale == 255
    for (images, labels), splits in (((dataset.x, dataset.y), ("train", "validation")), ((x, y), ("test",))):
        starts = [1000 * list(SIZES).index(split) for split in splits]
        places = np.concatenate([s + np.arange(SIZES[split]) for s, split in zip(starts, splits, strict=True)])
        assert rows(images, labels) == rows([image(place) for place in places], places % len(NAMES))


def test_a_validation_split_of_its_own_comes_first_and_can_be_drawn_anew(prepared, offline):
    dataset, drawn = load("tiny_clothes", prepared), load("tiny_clothes", prepared, validation=0.5)
    places = 1000 * list(SIZES).index("validation") + np.arange(SIZES["validation"])
    for seed in (0, 7):
        validation = dataset.split(seed).validation
        assert rows(dataset.x[validation], dataset.y[validation]) == rows([image(place) for place in places], places % len(NAMES))
    assert len(drawn) == len(dataset) and not np.array_equal(drawn.split(0).validation, drawn.split(7).validation)
    assert len(drawn.split(0).validation) == round(len(drawn) / 2)


def test_cached_set_needs_no_tfds_and_is_equal(prepared, monkeypatch):
    first = load("tiny_clothes", prepared)
    without_tfds(monkeypatch)
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    second = load("tiny_clothes:1.2.0")
    assert np.array_equal(first.x, second.x) and np.array_equal(first.y, second.y) and second.classes == NAMES
    assert all(map(np.array_equal, first.open_test("compare")[:2], second.open_test("compare", reopen="a test")[:2]))


@pytest.mark.parametrize("damage", ["x_train.npy", "y_test.npy", "about.json"])
@pytest.mark.parametrize("how", ["missing", "cut", "other"])
def test_damaged_cache_is_rebuilt(prepared, cache, monkeypatch, damage, how):
    first = load("tiny_clothes", prepared)
    [folder] = (cache / "data").iterdir()
    whole = (folder / damage).read_bytes()
    (folder / damage).unlink()
    if how == "cut":
        (folder / damage).write_bytes(whole[: len(whole) // 2])
    if how == "other":
        (folder / damage).write_bytes((folder / "y_train.npy").read_bytes())
    assert np.array_equal(load("tiny_clothes", prepared).x, first.x)
    assert (folder / damage).read_bytes() == whole
    without_tfds(monkeypatch)
    load("tiny_clothes", prepared)


def test_set_that_was_prepared_anew_is_read_anew(own, cache):
    load("tiny_clothes", own)
    change(own / "tiny_clothes/1.2.0/dataset_info.json", lambda info: info.update(description="another"))
    load("tiny_clothes", own)
    assert len(list((cache / "data").iterdir())) == 2


@pytest.mark.parametrize(("module", "function"), [(np, "save"), (os, "replace")])
def test_interrupted_read_leaves_nothing_behind(prepared, cache, monkeypatch, module, function):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, function, interrupt)
    with pytest.raises(KeyboardInterrupt):
        load("tiny_clothes", prepared)
    assert not list((cache / "data").iterdir())


def test_another_process_may_be_first(prepared, cache, monkeypatch):
    first = load("tiny_clothes", prepared)
    [folder] = (cache / "data").iterdir()
    shutil.move(folder, cache / "done")
    replace = os.replace

    def late(source, target):
        shutil.copytree(cache / "done", target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", late)
    assert np.array_equal(load("tiny_clothes", prepared).x, first.x)
    assert list((cache / "data").iterdir()) == [folder]


def test_cache_that_cannot_be_written_is_named(prepared, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXTRICKS_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="set JAXTRICKS_CACHE"):
        load("tiny_clothes", prepared)


@pytest.mark.parametrize("folder", ["here", "missing", "a 'quoted' \"$HOME\" one"])
def test_unprepared_set_gives_the_two_lines_at_once(tmp_path, offline, folder):
    data_dir = tmp_path / folder
    with pytest.raises(DataError) as caught:
        load("cifar10", data_dir)
    _, install, prepare = str(caught.value).split("\n")
    assert install == "pip install tensorflow-cpu"
    # What the shell makes of the line is the program that prepares the set, in that folder.
    said = subprocess.run(["bash", "-c", prepare.replace("python", "printf %s", 1)], capture_output=True, text=True)
    builder = f"tfds.builder('cifar10', file_format='array_record', data_dir={str(data_dir)!r})"
    assert said.stdout.endswith(f"import tensorflow_datasets as tfds; {builder}.download_and_prepare()")


def test_folder_is_the_argument_then_the_variable_then_the_default(tmp_path, offline, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "variable"))
    with pytest.raises(DataError, match=str(tmp_path / "argument")):
        load("mnist", tmp_path / "argument")
    with pytest.raises(DataError, match=str(tmp_path / "variable")):
        load("mnist")
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(DataError, match=str(tmp_path / "home" / "tensorflow_datasets")):
        load("mnist")


@pytest.mark.parametrize("name", ["tiny_cloths", "TinyClothes", "TINY_CLOTHES"])
def test_unknown_name_gives_the_nearest_prepared_one(prepared, offline, name):
    with pytest.raises(DataError, match="did you mean 'tiny_clothes'") as caught:
        load(name, prepared)
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "zzz", "tiny_clothes/../.."])
def test_name_like_no_other_lists_what_there_is(prepared, offline, name):
    with pytest.raises(DataError, match=r"tiny_clothes"):
        load(name, prepared)


def test_newest_version_is_taken_and_an_older_one_by_name(own):
    folder = own / "tiny_clothes"
    shutil.copytree(folder / "1.2.0", folder / "1.10.0")
    change(folder / "1.10.0/dataset_info.json", lambda info: info.update(version="1.10.0"))
    (folder / "1.10.0/label.labels.txt").write_text("x\ny\nz\n")
    assert load("tiny_clothes", own).classes == ("x", "y", "z")
    assert load("tiny_clothes:1.2.0", own).classes == NAMES


def test_configuration_is_asked_for_if_there_are_several(own):
    folder = own / "tiny_clothes"
    shutil.copytree(folder / "1.2.0", folder / "fog" / "1.2.0")
    shutil.move(folder / "1.2.0", folder / "rain-1.5" / "1.2.0")
    for config in ("fog", "rain-1.5"):
        info = folder / config / "1.2.0/dataset_info.json"
        change(info, lambda content, config=config: content.update(configName=config))
    with pytest.raises(DataError, match=r"say which: tiny_clothes/fog, tiny_clothes/rain-1\.5"):
        load("tiny_clothes", own)
    assert load("tiny_clothes/fog", own).name == "tiny_clothes/fog"
    shutil.rmtree(folder / "fog")
    assert load("tiny_clothes", own).name == "tiny_clothes/rain-1.5"


def features(own: Path) -> Path:
    return own / "tiny_clothes/1.2.0/features.json"


def test_set_of_neither_images_nor_texts_is_refused(own, offline):
    change(features(own), lambda content: [content["featuresDict"]["features"].pop(key) for key in ("image", "id")])
    with pytest.raises(DataError, match=r"no classification set: one image or text .* and it has kind, label"):
        load("tiny_clothes", own)


def test_label_that_is_left_open_is_refused(own):
    change(own / "tiny_clothes/1.2.0/dataset_info.json", lambda info: info.pop("supervisedKeys"))
    with pytest.raises(DataError, match="no classification set"):
        load("tiny_clothes", own)


def test_images_of_several_sizes_are_refused(own):
    def several(content):
        content["featuresDict"]["features"]["image"]["image"]["shape"]["dimensions"] = ["-1", "-1", "3"]

    change(features(own), several)
    with pytest.raises(DataError, match="several sizes"):
        load("tiny_clothes", own)


def test_files_that_need_tensorflow_are_refused_with_the_two_lines(own):
    change(own / "tiny_clothes/1.2.0/dataset_info.json", lambda info: info.update(fileFormat="tfrecord"))
    with pytest.raises(DataError, match=r"prepared as tfrecord.*\npip install tensorflow-cpu\npython -c"):
        load("tiny_clothes", own)


@pytest.mark.parametrize("file", ["dataset_info.json", "features.json", "tiny_clothes-test.array_record-00000-of-00001"])
def test_damaged_set_is_named(own, cache, file):
    (own / "tiny_clothes/1.2.0" / file).write_bytes(b"\x00" * 100)
    with pytest.raises(DataError, match="'tiny_clothes' is damaged"):
        load("tiny_clothes", own)
    assert not (cache / "data").exists()


def test_set_without_a_test_split_has_none(own):
    info = own / "tiny_clothes/1.2.0/dataset_info.json"
    change(info, lambda content: content.update(splits=[s for s in content["splits"] if s["name"] == "train"]))
    for _ in ("read", "cached"):
        dataset = load("tiny_clothes", own)
        assert len(dataset) == SIZES["train"] and not dataset.has_test


def test_set_with_nothing_to_train_on_is_refused(own):
    info = own / "tiny_clothes/1.2.0/dataset_info.json"
    change(info, lambda content: content.update(splits=[s for s in content["splits"] if s["name"] == "test"]))
    with pytest.raises(DataError, match="no split 'train', only test"):
        load("tiny_clothes", own)
    assert "tiny_clothes" not in {listing.name for listing in names(own)}
    with pytest.raises(DataError, match=r"there are .*digits, iris, python_topics, wine\.$"):
        load("tiny_cloths", own)


def test_names_tell_what_there_is_without_tfds(own, monkeypatch):
    shutil.copytree(own / "tiny_clothes", own / "labels")
    change(
        own / "labels/1.2.0/features.json",
        lambda content: [content["featuresDict"]["features"].pop(key) for key in ("image", "id")],
    )
    without_tfds(monkeypatch)
    listed = {listing.name: listing for listing in names(own)}
    embedded = ["breast_cancer", "diabetes", "digits", "iris", "python_topics", "wine"]
    assert list(listed) == sorted([*embedded, "cifar10", "fashion_mnist", "mnist", "tiny_clothes", "tiny_shakespeare"])
    tiny = listed["tiny_clothes"]
    assert tiny.prepared and (tiny.examples, tiny.shape, tiny.classes) == (51, SHAPE, 3)
    assert not listed["cifar10"].prepared and listed["cifar10"].examples is None


def test_names_tell_the_truth_about_digits(tmp_path):
    [listing] = [listing for listing in names(tmp_path) if listing.name == "digits"]
    digits = load("digits")
    assert listing.prepared
    assert (listing.examples, listing.shape, listing.classes) == (len(digits), digits.shape, len(digits.classes))


def test_fashion_mnist_is_what_tfds_gives(offline, monkeypatch):
    data_dir = os.environ.get("TFDS_DATA_DIR")
    if data_dir is None or not (Path(data_dir) / "fashion_mnist").is_dir():
        pytest.skip("TFDS_DATA_DIR names no folder with fashion_mnist")
    import tensorflow_datasets as tfds

    [listing] = [listing for listing in names() if listing.name == "fashion_mnist"]
    assert listing.prepared and (listing.examples, listing.shape, listing.classes) == (60_000, (28, 28, 1), 10)
    # All 70,000 would take a quarter of a minute.
    monkeypatch.setattr(Prepared, "sizes", lambda self: {"train": 1500, "test": 700})
    dataset = load("fashion_mnist")
    assert dataset.classes[0] == "T-shirt/top" and dataset.scale == 255 == dataset.x.max()
    for split, (x, y) in {"train": (dataset.x, dataset.y), "test": dataset.open_test("to compare")[:2]}.items():
        source = tfds.data_source("fashion_mnist", split=split, data_dir=data_dir, download=False)
        for place in (0, 499, 500, len(y) - 1):
            assert np.array_equal(x[place], source[place]["image"]) and y[place] == source[place]["label"]
