"""Networks of one hidden layer from few units to many, on small pictures with some wrong labels."""

import numpy as np

import jaxtricks as jt


def pooled(pictures: jt.Dataset, side: int) -> jt.Dataset:
    """Pictures of `side` × `side` pixels, the means of squares of pixels of larger ones."""
    height = pictures.x.shape[1]
    block = height // side
    x = pictures.x.reshape(len(pictures), side, block, side, block).mean(axis=(2, 4)) / pictures.scale
    return jt.Dataset.from_arrays(
        x.astype(np.float32), pictures.y, name=f"{pictures.name} {side}x{side}", classes=pictures.classes
    )
