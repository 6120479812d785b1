"""What TFDS has prepared on disk, read from its folders and JSON: no import of TFDS, no network."""

import difflib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtricks.data.embedded import EMBEDDED, Listing
from jaxtricks.data.errors import DataError

POOL = ("train", "validation")
COMMON = ("cifar10", "fashion_mnist", "mnist", "tiny_shakespeare")

_NAME = re.compile(r"(?P<name>[a-z]\w*)(/(?P<config>\w[\w.+-]*))?(:(?P<version>\d+\.\d+\.\d+))?", re.ASCII)
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)


@dataclass(frozen=True)
class Schema:
    """Where a set keeps its inputs (images or texts) and its labels.

    Args:
        input: the key of the images or texts.
        label: the key of the labels; None for texts that have none.
        shape: the shape of one image, [height, width, channels]; () for texts.
        dtype: the type of images, "uint8" or "float32"; "object" for texts.
        classes: the number of classes; None without labels.
    """

    input: str
    label: str | None
    shape: tuple[int, ...]
    dtype: str
    classes: int | None

    @property
    def text(self) -> bool:
        """Whether inputs are texts."""
        return self.dtype == "object"


@dataclass(frozen=True)
class Prepared:
    """A data set that TFDS has prepared.

    Args:
        name: TFDS's name for it, without configuration and version.
        config: its configuration; None for a set that has none.
        version: its version, such as "3.0.1".
        folder: the folder of its files.
    """

    name: str
    config: str | None
    version: str
    folder: Path

    @property
    def full_name(self) -> str:
        """The name with its configuration, such as "emnist/letters"."""
        return self.name if self.config is None else f"{self.name}/{self.config}"

    def sizes(self) -> dict[str, int]:
        """The number of examples in each of its splits."""
        return {s["name"]: sum(map(int, s["shardLengths"])) for s in self._json("dataset_info.json").get("splits", [])}

    def formats(self) -> set[str]:
        """The file formats it was prepared in, such as "array_record"."""
        info = self._json("dataset_info.json")
        return {info.get("fileFormat", "tfrecord"), *info.get("alternativeFileFormats", [])}

    def schema(self) -> Schema:
        """Finds where each example keeps its image, or its text where it has no image, and its label, which a text may lack.

        Raises:
            DataError: if the set is neither for classification nor a text, or if its images have several sizes.
        """
        features = self._json("features.json").get("featuresDict", {}).get("features", {})
        images = [key for key, feature in features.items() if "image" in feature or _is_image_tensor(feature)]
        inputs = images or [key for key, feature in features.items() if "text" in feature]
        labels = [key for key, feature in features.items() if "classLabel" in feature]
        # Where there are several, as in cifar100, the set itself says which pair is meant.
        pair = self._json("dataset_info.json").get("supervisedKeys", {}).get("tuple", {}).get("items", [])
        keys = {item.get("featureKey") for item in pair}
        inputs = [key for key in inputs if key in keys] or inputs
        labels = [key for key in labels if key in keys] or labels
        if len(inputs) == 1 and not images and not labels:
            return Schema(inputs[0], None, (), "object", None)
        if len(inputs) != 1 or len(labels) != 1:
            raise DataError(
                f"{self.full_name!r} is no classification set: one image or text and one class label are needed, "
                f"and it has {', '.join(sorted(features)) or 'no named features'}."
            )
        shape, dtype = self._image(features[inputs[0]]) if images else ((), "object")
        return Schema(inputs[0], labels[0], shape, dtype, int(features[labels[0]]["classLabel"]["numClasses"]))

    def _image(self, feature: dict[str, Any]) -> tuple[tuple[int, ...], str]:
        image = next(feature[kind] for kind in ("image", "tensor") if kind in feature)
        shape, dtype = tuple(int(size) for size in image.get("shape", {}).get("dimensions", [])), str(image["dtype"])
        if not shape or min(shape) < 1:
            raise DataError(f"{self.full_name!r} has images of several sizes, and only images of one size stack.")
        if dtype not in ("uint8", "float32"):
            raise DataError(f"{self.full_name!r} has {dtype} images, and only uint8 and float32 can be read.")
        return shape, dtype

    def _json(self, file: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.folder / file).read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"{self.full_name!r} is damaged: {self.folder / file} cannot be read.") from error
        return content


def resolve(data_dir: Path | str | None) -> Path:
    """The folder of prepared sets: the argument, else TFDS_DATA_DIR, else TFDS's own default.

    Args:
        data_dir: a folder, or None.
    """
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser().absolute()


def find(name: str, data_dir: Path) -> Prepared:
    """Finds the prepared set of a name, in its newest version unless the name says which.

    Args:
        name: as TFDS writes it: "cifar10", "emnist/letters", "mnist:3.0.1".
        data_dir: the folder of prepared sets.

    Raises:
        DataError: if it is not prepared (with the two lines that prepare it), if the name is unknown (with the nearest name
            that is prepared), if it has several configurations, or if its files need TensorFlow to be read.
    """
    match = _NAME.fullmatch(name)
    found = _versions(data_dir / match["name"]) if match else []
    if match and match["config"]:
        found = [prepared for prepared in found if prepared.config == match["config"]]
    if match and match["version"]:
        found = [prepared for prepared in found if prepared.version == match["version"]]
    if not found:
        raise _missing(name, match["name"] if match else None, data_dir)
    configs = sorted({prepared.full_name for prepared in found})
    if len(configs) > 1:
        raise DataError(f"{name!r} is prepared in several configurations; say which: {', '.join(configs)}.")
    newest = max(found, key=lambda prepared: tuple(map(int, prepared.version.split("."))))
    if "array_record" not in newest.formats():
        raise DataError(
            f"{name!r} is prepared as {', '.join(sorted(newest.formats()))}, which needs TensorFlow; "
            f"move {newest.folder} away and run these two lines:\n{_two_lines(name, data_dir)}"
        )
    return newest


def names(data_dir: Path | str | None = None) -> list[Listing]:
    """Lists the data sets: the embedded ones, prepared sets of images or texts, and common ones that can be prepared.

    Args:
        data_dir: the folder of prepared sets; by default TFDS_DATA_DIR, else TFDS's own default.

    >>> "digits" in [listing.name for listing in jt.data.names()]
    True
    """
    listings = {name: Listing(name, prepared=False) for name in COMMON}
    for prepared in _scan(resolve(data_dir)):
        try:
            schema, sizes = prepared.schema(), prepared.sizes()
        except DataError:
            continue  # audio, video, damaged: `load` says why
        pool = sum(sizes.get(split, 0) for split in POOL)
        if pool and "array_record" in prepared.formats():
            shape = None if schema.text else schema.shape
            listings[prepared.full_name] = Listing(prepared.full_name, True, pool, shape, schema.classes)
    listings |= {name: own.listing for name, own in EMBEDDED.items()}
    return sorted(listings.values(), key=lambda listing: listing.name)


def _is_image_tensor(feature: dict[str, Any]) -> bool:
    return len(feature.get("tensor", {}).get("shape", {}).get("dimensions", [])) == 3


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir()) if path.is_dir() else []


def _versions(folder: Path) -> list[Prepared]:
    """All versions of all configurations in the folder of one set: `<name>[/<config>]/<version>`."""
    found = []
    for child in _folders(folder):
        if _VERSION.fullmatch(child.name):
            found.append(Prepared(folder.name, None, child.name, child))
        else:
            versions = [grandchild for grandchild in _folders(child) if _VERSION.fullmatch(grandchild.name)]
            found += [Prepared(folder.name, child.name, version.name, version) for version in versions]
    return found


def _scan(data_dir: Path) -> list[Prepared]:
    return [prepared for folder in _folders(data_dir) for prepared in _versions(folder)]


def _two_lines(name: str, data_dir: Path) -> str:
    builder = f"tfds.builder({name!r}, file_format='array_record', data_dir={str(data_dir)!r})"
    code = re.sub(r'([\\"$`])', r"\\\1", f"import tensorflow_datasets as tfds; {builder}.download_and_prepare()")
    return f'pip install tensorflow-cpu\npython -c "{code}"'


def _missing(name: str, stem: str | None, data_dir: Path) -> DataError:
    prepared = [listing.name for listing in names(data_dir) if listing.prepared]
    if stem is not None and _known(stem):
        lines = _two_lines(name, data_dir)
        return DataError(f"{name!r} is not prepared in {data_dir}; these two lines prepare it:\n{lines}")
    near = difflib.get_close_matches(name.lower(), [*prepared, *COMMON], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(prepared)}."
    return DataError(f"{name!r} is neither embedded, nor a folder, nor among the names that TFDS lists; {hint}")


def _known(stem: str) -> bool:
    """Whether TFDS has a set of a name. Without TensorFlow its own list lacks many, whose files still lie in its folders."""
    import tensorflow_datasets as tfds  # a second, here where there is nothing to load anyway

    if stem in tfds.list_builders(with_community_datasets=False):
        return True
    package = Path(tfds.__file__).parent
    files = (file for place in (f"*/{stem}.py", f"*/{stem}/{stem}.py") for file in package.glob(place))
    return any(file.relative_to(package).parts[0] not in ("core", "scripts", "testing") for file in files)
