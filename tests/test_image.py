"""Installing the package leaves the packages of Colab's image as they were; `make test-colab` installs both."""

import os
from importlib import metadata
from pathlib import Path

import pytest

IMAGE = os.environ.get("JAXTRICKS_IMAGE")  # the image's packages, a line each, that were there before


@pytest.mark.skipif(IMAGE is None, reason="not in an image that the package was installed into; `make test-colab` makes one")
def test_no_package_of_the_image_was_replaced():
    lines = (line.partition("#")[0].strip() for line in Path(str(IMAGE)).read_text().splitlines())
    image = dict(line.split("==") for line in lines if line)
    assert {name: metadata.version(name) for name in image} == image
