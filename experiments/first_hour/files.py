"""Files as people save them, made of scikit-learn's bundled data: tables, folders of images, texts."""

import csv
import datetime
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn import datasets

BOM = "\ufeff"


def cultivars(path: Path) -> Path:
    """A table of wines with a date, words, a flag and missing values: semicolons, decimal commas, quoted newlines."""
    wine, draw = datasets.load_wine(), np.random.default_rng(0)
    names = [name.replace("/", " or ") for name in wine.feature_names]
    first = datetime.date(1988, 9, 1)
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(BOM)
        table = csv.writer(file, delimiter=";", lineterminator="\r\n")
        table.writerow(["bottled", "colour", "organic", "note", *names, "cultivar"])
        for numbers, label in zip(wine.data, wine.target, strict=True):
            day = first + datetime.timedelta(days=int(draw.integers(0, 900)))
            colour = np.array(["pale", "ruby", "dark"])[np.digitize(numbers[9], [3.5, 6.5])]
            cells = [f"{value:.3f}".replace(".", ",") if draw.random() > 0.05 else "" for value in numbers]
            note = "dry,\nlong" if numbers[12] > 750 else "light"
            table.writerow(
                [day.isoformat(), colour, str(draw.random() > 0.5), note, *cells, ["barolo", "grignolino", "barbera"][label]]
            )
    return path


def tumours(path: Path, share: float) -> Path:
    """A table of tumours of which a small share is malignant.

    Args:
        path: the file.
        share: of malignant ones that are kept.
    """
    cancer, draw = datasets.load_breast_cancer(), np.random.default_rng(0)
    keep = (cancer.target == 1) | (draw.random(len(cancer.target)) < share)
    kinds = np.array(["malignant", "benign"])[cancer.target]
    return _written(
        path, [*cancer.feature_names, "kind"], [[*x, kind] for x, kind in zip(cancer.data[keep], kinds[keep], strict=True)]
    )


def prices(path: Path) -> Path:
    """A table of numbers and a price near a million: diabetes progression, times 5,000, plus 500,000."""
    diabetes = datasets.load_diabetes()
    rows = [[*x, f"{500_000 + 5_000 * y:.0f}"] for x, y in zip(diabetes.data, diabetes.target, strict=True)]
    return _written(path, [*diabetes.feature_names, "price"], rows)


def patients(path: Path) -> Path:
    """A table with four visits of each patient, which differ little: a split that parts them would flatter a model."""
    cancer, draw = datasets.load_breast_cancer(), np.random.default_rng(0)
    spread, rows = cancer.data.std(axis=0), []
    for patient, (x, y) in enumerate(zip(cancer.data[:200], cancer.target[:200], strict=True)):
        rows += [[f"p{patient:03}", *(x + 0.02 * spread * draw.normal(size=x.shape)), ["ill", "well"][y]] for _ in range(4)]
    return _written(path, ["patient", *cancer.feature_names, "state"], rows)


def pictures(folder: Path) -> Path:
    """A folder of PNG files, a class a folder, some of 8 × 8 pixels and some of 16 × 16."""
    digits = datasets.load_digits()
    for place, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        image = Image.fromarray((pixels * 255 / 16).astype(np.uint8))
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        (image.resize((16, 16)) if place % 3 == 0 else image).save(folder / str(label) / f"{place:04}.png")
    return folder


def sentences() -> tuple[list[str], list[str]]:
    """Lines of the descriptions that come with five data sets, and which one each is from."""
    texts, labels = [], []
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits"):
        lines = getattr(datasets, f"load_{name}")().DESCR.splitlines()
        kept = [line.strip() for line in lines if len(line.split()) > 3]
        texts += kept
        labels += [name] * len(kept)
    return texts, labels


def _written(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path
