"""The TFDS builder of scikit-learn's handwritten digits, which needs neither a network nor TensorFlow."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEST = 360


class Digits(tfds.core.GeneratorBasedBuilder):
    """1797 handwritten digits, 8x8 pixels from 0 to 16: 1437 to train on, 360 to test on (Alpaydin & Kaynak 1998)."""

    VERSION = tfds.core.Version("1.0.0")  # as in digits.py, which keys the cache by it

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            # A tensor and not an `Image`: to encode PNG files TFDS wants TensorFlow.
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(8, 8, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[tuple[int, Any]]]:
        del dl_manager  # scikit-learn brings the images along
        images, labels = load_digits(return_X_y=True)
        train, test = train_test_split(np.arange(len(labels)), test_size=TEST, stratify=labels, random_state=0)
        return {
            "train": self._generate_examples(images, labels, train),
            "test": self._generate_examples(images, labels, test),
        }

    def _generate_examples(
        self, images: np.ndarray, labels: np.ndarray, places: Int[np.ndarray, " split"]
    ) -> Iterator[tuple[int, Any]]:
        for place in map(int, places):
            yield place, {"image": images[place].reshape(8, 8, 1).astype(np.uint8), "label": int(labels[place])}
