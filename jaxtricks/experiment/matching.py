"""Weights of one network in the places of another: by path, and along axes of tokens, features and outputs by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from jaxtricks.config import ConfigError
from jaxtricks.data.dataset import Meaning
from jaxtricks.models.contract import PARAMS, Axis

Called = Mapping[Meaning, tuple[str, ...] | None]
Places = Int[np.ndarray, " here"]  # of each name here its place there, -1 where it is not there


class Given(NamedTuple):
    """An array to start from in place of a drawn one; each has a leading axis [sets] or [members], outside of a program.

    Args:
        values: of the shape of the drawn one.
        known: where they are known, of a shape that broadcasts to theirs; None: everywhere.
    """

    values: Any
    known: Any

    def over(self, drawn: Array) -> Array:
        """The drawn array with these values in its place.

        >>> Given(jnp.ones(3), jnp.array([True, False, True])).over(jnp.zeros(3)).tolist()
        [1.0, 0.0, 1.0]
        """
        return self.values if self.known is None else jnp.where(self.known, self.values, drawn)


@dataclass(frozen=True)
class Transferred:
    """What a start took from elsewhere.

    Args:
        taken: the paths of the arrays that came from there, whole or in part.
        drawn: the paths of those that were drawn, since they are not there or are named fresh.
        unused: the names of arrays there that the model has no place for.
        matched: "tokens", "features" or "outputs" → how many have the name of one there, and how many there are; only where the
            names differ. Weights of those without a match are drawn.

    >>> print(Transferred(("params/embed/embedding",), ("params/head/bias",), (), {"tokens": (4, 500)}))
    starts from other weights: 1 of 2 arrays; by name 4 of 500 tokens, the others are drawn; drawn: params/head/bias
    """

    taken: tuple[str, ...]
    drawn: tuple[str, ...]
    unused: tuple[str, ...]
    matched: dict[Meaning, tuple[int, int]]

    def __str__(self) -> str:
        total = len(self.taken) + len(self.drawn)
        said = [f"starts from other weights: {len(self.taken)} of {total} arrays"]
        said += [f"by name {found} of {count} {of}, the others are drawn" for of, (found, count) in self.matched.items()]
        said += [f"drawn: {_some(self.drawn)}"] * bool(self.drawn)
        said += [f"not used: {_some(self.unused)}"] * bool(self.unused)
        return "; ".join(said)


@dataclass(frozen=True)
class Matching:
    """How weights that belong to other tokens, features or outputs come into a model's places.

    Args:
        there: what the weights belong to.
        here: what the model's belong to.
        axes: what stands along the axes of the model's arrays; None where the model does not say.
        model: the model's name, for messages.

    >>> here, there = ({"tokens": None, "features": None, "outputs": names} for names in (("cat", "dog"), ("dog", "cow")))
    >>> Matching(there, here, (Axis("head/bias", 0, "outputs"),), "MLP").of("params/head/bias", np.ones((1, 2)), (2,)).known
    array([[False,  True]])
    """

    there: Called
    here: Called
    axes: Sequence[Axis] | None
    model: str

    @property
    def places(self) -> dict[Meaning, Places]:
        """Where names differ and are known on both sides: of each name here its place there."""
        found: dict[Meaning, Places] = {}
        for of, names in self.here.items():
            other = self.there.get(of)
            if names is not None and other is not None and names != other:
                numbers = {name: place for place, name in enumerate(other)}
                found[of] = np.array([numbers.get(name, -1) for name in names])
        return found

    @property
    def matched(self) -> dict[Meaning, tuple[int, int]]:
        """See `Transferred.matched`."""
        return {of: (int((places >= 0).sum()), len(places)) for of, places in self.places.items()}

    def of(self, path: str, array: np.ndarray, shape: tuple[int, ...]) -> Given:
        """Gives what an array of the model starts from.

        Args:
            path: of the array, such as "params/head/kernel".
            array: the weights there, [sets, ...].
            shape: of the array here.

        Raises:
            ConfigError: for another shape than names explain, or where it cannot be told what belongs to which name.
        """
        places = self.places
        own = [axis for axis in self.axes or () if _within(path, axis.path) and axis.of in places]
        expected = list(shape)
        for axis in own:
            layer = path.split("/")[1]
            if axis.axis is None:
                raise ConfigError(
                    f"Transfer: {axis.path} of {self.model} depends on all {axis.of} together, and these are others than there; "
                    f"fresh = {(layer,)} draws it anew."
                )
            expected[axis.axis] = len(self.there[axis.of] or ())
        if array.shape[1:] != tuple(expected):
            self._refuse(path, array.shape[1:], tuple(expected))
        if self.axes is None:
            self._check_unknown(path, shape)
        known = np.ones((1,) * array.ndim, bool)
        for axis in own:
            assert axis.axis is not None
            at = places[axis.of]
            array = np.take(array, np.maximum(at, 0), axis.axis + 1)
            known = known & (at >= 0).reshape([-1 if number == axis.axis + 1 else 1 for number in range(array.ndim)])
        return Given(array, known if own else None)

    def _refuse(self, path: str, there: tuple[int, ...], here: tuple[int, ...]) -> None:
        layer = path.split("/")[1]
        ways = f"fresh = {(layer,)} draws its layer anew"
        if there[1:] == here:
            ways = "each = True takes the first axis for the restarts"
        raise ConfigError(f"Transfer: {path} has the shape {there} there and {here} in {self.model}; {ways}.")

    def _check_unknown(self, path: str, shape: tuple[int, ...]) -> None:
        """Raises ConfigError for an array that may belong to names that differ, of a model that does not say which do."""
        layer = path.split("/")[1]
        for of, places in self.places.items():
            if len(places) in shape:
                raise ConfigError(
                    f"Transfer: the {of} are others than there, and {self.model} does not say which weights belong to them; "
                    f"{path}, of shape {shape}, may: fresh = {(layer,)} draws its layer anew, and by_place = True takes all as "
                    "they stand."
                )


def _within(path: str, place: str) -> bool:
    return f"{path}/".startswith(f"{PARAMS}/{place}/")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) < 5 else (*names[:3], f"and {len(names) - 3} more"))
