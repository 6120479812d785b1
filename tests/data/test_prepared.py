"""Where a prepared set keeps its inputs and labels."""

import json
from pathlib import Path
from typing import Any

import pytest

from jaxtricks.data import DataError
from jaxtricks.data.prepared import Prepared

TEXT: dict[str, Any] = {"text": {}}
LABEL: dict[str, Any] = {"classLabel": {"numClasses": "3"}}
IMAGE: dict[str, Any] = {"image": {"shape": {"dimensions": ["8", "8", "1"]}, "dtype": "uint8"}}


def prepared(folder: Path, **features: dict[str, Any]) -> Prepared:
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    (folder / "dataset_info.json").write_text("{}")
    return Prepared("tiny", None, "1.0.0", folder)


def test_a_text_may_lack_a_label(tmp_path):
    schema = prepared(tmp_path, story=TEXT).schema()
    assert (schema.input, schema.label, schema.classes, schema.text) == ("story", None, None, True)


def test_a_text_has_its_label(tmp_path):
    schema = prepared(tmp_path, story=TEXT, kind=LABEL).schema()
    assert (schema.input, schema.label, schema.classes, schema.text) == ("story", "kind", 3, True)


def test_an_image_comes_before_a_text(tmp_path):
    schema = prepared(tmp_path, story=TEXT, kind=LABEL, picture=IMAGE).schema()
    assert (schema.input, schema.label, schema.shape, schema.text) == ("picture", "kind", (8, 8, 1), False)


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"kind": LABEL},
        {"picture": IMAGE},
        {"picture": IMAGE, "story": TEXT},
        {"one": TEXT, "two": TEXT},
        {"story": TEXT, "kind": LABEL, "other": LABEL},
    ],
)
def test_what_is_left_open_is_refused(tmp_path, features):
    with pytest.raises(DataError, match="no classification set") as error:
        prepared(tmp_path, **features).schema()
    assert str(error.value).endswith(f"it has {', '.join(sorted(features)) or 'no named features'}.")
