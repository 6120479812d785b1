"""Random changes of training inputs, on the device: pure functions of a key and a batch."""

from jaxtyping import Array, Float, Key

from jaxtricks.config import config


@config()
class Augmentation:
    """What is done to a training batch before the model sees it; nothing by default. Validation inputs stay as they are."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuses what inputs of the given shape cannot have; raises ConfigError."""

    def geometry(self, key: Key[Array, ""], x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Moves pixels, before inputs are scaled; what comes in from outside is 0.

        Args:
            key: the step's key, shape [].
            x: the inputs as the data set stores them, [batch, ...].
        """
        return x

    def values(self, key: Key[Array, ""], x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Changes values, after inputs are scaled.

        Args:
            key: the step's key, shape [].
            x: scaled inputs, [batch, ...].
        """
        return x

    def mix(self, key: Key[Array, ""], rows: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Blends every example with another one of the batch; with one key the same way for inputs and for their targets.

        Args:
            key: the step's key, shape [].
            rows: inputs or targets, [batch, ...].
        """
        return rows
