"""Random changes of training inputs, on the device: pure functions of a key and a batch."""

from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from jaxtricks import rng
from jaxtricks.config import ConfigError, Fraction, NonNegative, Range, Rate, config, fields, trick
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.resample import Images, window

Degrees = Annotated[float, Range(low=0, high=180)]

IMAGES_ONLY = ("rotation", "shift", "crop", "flip", "turn", "cutout")


@config()
class Augmentation:
    """Random changes of a training batch before the model sees it; none by default. Validation inputs are never changed.

    Every example draws its own change; only the share of mixup is drawn once a batch. Each field draws from the random stream of
    its own name, so that turning one on leaves the draws of the others as they are. Rotation, shift and crop together are one
    bilinear interpolation.

    Args:
        rotation: the largest angle; the angle is uniform in ±rotation, in degrees.
        shift: the largest move; the moves down and to the right are each uniform in ±shift, in pixels (also parts of them); zeros
            fill the edges.
        crop: the largest share of each side that is cut off; the share is uniform in [0, crop] and the place is random; the rest
            is enlarged to the size of the image. (The crop of a padded image is `shift`.)
        flip: the probability of mirroring left and right.
        turn: the probability of turning by 180°, which makes a 9 of a 6.
        noise: the standard deviation of the noise that is added to every value, in units of the scaled inputs.
        cutout: the sides of a rectangle, as a share of the image's sides, that is set to 0, the mean of standardized inputs. Its
            centre is uniform over the image; the part beyond an edge is lost.
        mixup: α of the share λ ~ Beta(α, α) with which each example x is blended with another x′ of its batch: λx + (1 - λ)x′,
            and their targets in the same way. A larger α blends more; 0 blends nothing.

    >>> jt.Experiment(augmentation=jt.data.Augmentation(shift=2.0, flip=0.5)).augmentation.shift
    2.0
    """

    rotation: Degrees | None = trick(
        default=None,
        rows=["T060"],
        paper="lecture 3",
        summary="Turn images by a random angle",
        on=30.0,
        neutral=0.0,
        trial=10.0,
        assumes="turned images mean the same",
    )
    shift: NonNegative | None = trick(
        default=None,
        rows=["T060"],
        paper="LeCun+ 1998",
        summary="Move images by some random pixels",
        on=2.0,
        neutral=0.0,
        assumes="moved images mean the same",
    )
    crop: Rate | None = trick(
        default=None,
        rows=["T060"],
        paper="Zhang+ 2017",
        summary="Enlarge a random part of each image",
        on=0.5,
        neutral=0.0,
        assumes="a part of an image means the same",
    )
    flip: Fraction | None = trick(
        default=None,
        rows=["T060"],
        paper="Krizhevsky+ 2012",
        summary="Mirror some images left and right",
        on=0.5,
        neutral=0.0,
        assumes="mirrored images mean the same",
    )
    turn: Fraction | None = trick(
        default=None,
        rows=["T061"],
        paper="lecture 3",
        summary="Turn some images by half a circle",
        on=0.5,
        neutral=0.0,
        assumes="images upside down mean the same",
    )
    noise: NonNegative | None = trick(
        default=None,
        rows=["T060"],
        paper="Bishop 1995; lecture 3",
        summary="Add Gaussian noise to inputs",
        on=0.5,
        neutral=0.0,
        trial=0.1,
    )
    cutout: Fraction | None = trick(
        default=None,
        rows=["T060"],
        paper="DeVries & Taylor 2017",
        summary="Mask a square of each image at a random place",
        on=0.5,
        neutral=0.0,
    )
    mixup: NonNegative | None = trick(
        default=None,
        rows=["T060"],
        paper="Zhang+ 2018",
        summary="Blend examples with others of the batch, and their targets likewise",
        on=1.0,
        neutral=0.0,
    )

    def check(self, data: Dataset) -> None:
        """Refuses what examples of the data cannot have; raises ConfigError."""
        for field in fields(type(self)):
            if (value := getattr(self, field)) is None:
                continue
            if field in IMAGES_ONLY and len(data.shape) != 3:
                raise ConfigError(
                    f"Augmentation.{field} = {value} is for images, [height, width, channels], and the data's inputs are of "
                    f"shape {data.shape}; None is allowed."
                )
            if data.vocabulary is not None:
                raise ConfigError(
                    f"Augmentation.{field} = {value} is for numbers, and {data.name} holds tokens; None is allowed."
                )
        if self.mixup is not None and data.kind.per_step:
            raise ConfigError(f"Augmentation.mixup = {self.mixup} blends one label an example, and {data.name} has one a step.")

    def geometry(self, key: Key[Array, ""], x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Moves pixels, before inputs are scaled; pixels from outside the image are 0.

        Args:
            key: the step's key, shape [].
            x: the inputs as the data set stores them, [batch, ...].
        """
        if self.flip is not None:
            x = jnp.where(_some(rng.stream(key, "flip"), self.flip, x), x[:, :, ::-1], x)
        if self.turn is not None:
            x = jnp.where(_some(rng.stream(key, "turn"), self.turn, x), x[:, ::-1, ::-1], x)
        if self.rotation is not None or self.shift is not None or self.crop is not None:
            x = self._resampled(key, x)
        return x

    def _resampled(self, key: Key[Array, ""], x: Images) -> Images:
        def draw(name: str, numbers: int) -> Float[Array, "numbers batch"]:
            """Numbers in [-1, 1)."""
            return jax.random.uniform(rng.stream(key, name), (numbers, len(x)), x.dtype, -1, 1)

        angle, side, offset = jnp.zeros(len(x), x.dtype), jnp.ones(len(x), x.dtype), jnp.zeros((len(x), 2), x.dtype)
        if self.rotation is not None:
            angle = jnp.deg2rad(self.rotation * draw("rotation", 1)[0])
        if self.shift is not None:
            offset = offset - self.shift * draw("shift", 2).T
        if self.crop is not None:
            part, *place = draw("crop", 3)
            cut = self.crop * (part + 1) / 2
            side = 1 - cut
            # Measured between the middles of the outer pixels, n - 1 apart: beyond them, zeros would be blended in.
            offset = offset + jnp.stack([cut * (n - 1) / 2 * v for n, v in zip(x.shape[1:3], place, strict=True)], axis=1)
        return window(x, angle, side, offset)

    def values(self, key: Key[Array, ""], x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Changes values, after inputs are scaled.

        Args:
            key: the step's key, shape [].
            x: scaled inputs, [batch, ...].
        """
        if self.noise is not None:
            x = x + self.noise * jax.random.normal(rng.stream(key, "noise"), x.shape, x.dtype)
        if self.cutout is not None:
            x = jnp.where(_rectangle(rng.stream(key, "cutout"), self.cutout, x), 0, x)
        return x

    def mix(self, key: Key[Array, ""], rows: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Blends every example with another one of the batch; the same key blends inputs and their targets in the same way.

        Args:
            key: the step's key, shape [].
            rows: inputs or targets, [batch, ...].
        """
        if self.mixup is None:
            return rows
        # One share for the batch, as in the paper. The example itself gets the larger part: the distribution of blends stays the
        # same, and α → 0 means no blending. Beta(0, 0) cannot be drawn from; at 1e-8 all draws round to 0 or 1.
        alpha = jnp.maximum(self.mixup, 1e-8)
        # Drawn in one precision for all rows, so that inputs and targets get the same share.
        share = jax.random.beta(rng.stream(key, "mixup"), alpha, alpha)
        share = jnp.maximum(share, 1 - share).astype(rows.dtype)
        partner = jnp.argsort(jax.random.bits(rng.stream(key, "mixup partner"), (len(rows),)))
        return share * rows + (1 - share) * rows[partner]


def _some(key: Key[Array, ""], probability: float, x: Images) -> Bool[Array, "batch 1 1 1"]:
    """Which images are changed."""
    return jax.random.bernoulli(key, probability, (len(x), 1, 1, 1))


def _rectangle(key: Key[Array, ""], share: float, x: Images) -> Bool[Array, "batch height width 1"]:
    """A rectangle of each image, around a centre that is uniform over it."""
    centre = jax.random.uniform(key, (2, len(x), 1), x.dtype)
    # From the middle of a pixel to the centre, as shares of the side: so the rectangle has as many pixels everywhere.
    near = [jnp.abs((jnp.arange(n)[None] + 0.5) / n - c) < share / 2 for n, c in zip(x.shape[1:3], centre, strict=True)]
    return (near[0][:, :, None] & near[1][:, None, :])[..., None]
