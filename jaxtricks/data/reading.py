"""A set that TFDS has prepared → arrays, read through TFDS."""

import numpy as np
from tqdm import tqdm

from jaxtricks.data.cache import Arrays
from jaxtricks.data.corpus import tokenized
from jaxtricks.data.counts import count
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Examples
from jaxtricks.data.prepared import POOL, Prepared, Schema
from jaxtricks.data.text import Parts, RawText, Text, labelled

BATCH = 500


def read(prepared: Prepared, words: int | None = None, text: Text | None = None, scale: float | None = None) -> Arrays:
    """Reads a set through TFDS, and makes of its texts what was asked for."""
    name, schema = prepared.full_name, prepared.schema()
    splits, classes = _decode(prepared, schema)
    pool = Examples(*(np.concatenate(arrays) for arrays in zip(*(splits[s] for s in POOL if s in splits), strict=True)))
    test = Examples(*splits["test"]) if "test" in splits else None
    fixed = len(splits["validation"][1]) if {"train", "validation"} <= splits.keys() else None
    if schema.label is None and text is not None:
        # What TFDS cut into splits is one text again.
        first = pool.x if fixed is None else pool.x[:-fixed]
        others = {"validation": None if fixed is None else pool.x[-fixed:], "test": None if test is None else test.x}
        rest = {part: None if x is None else RawText(f"{name}, {part}", b"".join(x)) for part, x in others.items()}
        return tokenized(Parts(RawText(name, b"".join(first)), **rest), text, spaced=False)
    if text is not None:
        vocabulary, padded, padded_test = labelled(name, pool.x, () if test is None else test.x, text)
        locked = None if test is None or padded_test is None else Examples(padded_test.x, test.y, padded_test.lengths)
        return Arrays(Examples(padded.x, pool.y, padded.lengths), locked, classes, vocabulary=vocabulary, fixed=fixed)
    if words is not None:
        x, x_test, features = count(name, pool.x, () if test is None else test.x, words)
        locked = None if test is None else Examples(x_test, test.y)
        return Arrays(Examples(x, pool.y), locked, classes, features=features, fixed=fixed)
    if scale is None:
        scale = 255.0 if schema.dtype == "uint8" else 1.0
    return Arrays(pool, test, classes, scale, fixed=fixed)


def _decode(prepared: Prepared, schema: Schema) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """Decodes all examples of each split through TFDS, about 0.25 ms for a small PNG image; and the names of the classes."""
    import tensorflow_datasets as tfds

    sizes = prepared.sizes()
    pool = [split for split in POOL if sizes.get(split)]
    test = ["test"] if sizes.get("test") else []
    if not pool:
        raise DataError(f"{prepared.full_name!r} has no split 'train', only {', '.join(sizes) or 'none at all'}.")
    builder = tfds.builder_from_directory(prepared.folder)
    read, total = {}, sum(sizes[split] for split in pool + test)
    with tqdm(total=total, desc=f"reading {prepared.full_name}", unit="example", leave=False) as bar:
        for split in pool + test:
            source = builder.as_data_source(split=split, file_format="array_record")
            x, y = np.empty((sizes[split], *schema.shape), schema.dtype), np.zeros(sizes[split], np.int32)
            for start in range(0, len(y), BATCH):
                try:
                    examples = source.__getitems__(range(start, min(start + BATCH, len(y))))
                except (RuntimeError, OSError) as error:  # array_record's and Pillow's
                    raise DataError(f"{prepared.full_name!r} is damaged: {prepared.folder} ({error}).") from error
                for place, example in enumerate(examples, start):
                    x[place] = example[schema.input]
                    if schema.label is not None:
                        y[place] = example[schema.label]
                bar.update(len(examples))
            read[split] = (x, y)
    return read, () if schema.label is None else tuple(builder.info.features[schema.label].names)
