"""Arrays on disk, with digests that show damage: the only file that uses Orbax.

A checkpoint is a folder that Orbax writes, and a seal beside it: a file with the digests of all others. Orbax itself has no
checksums and loads a flipped bit without an error.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Shaped

from jaxtricks.models.contract import CARRY, Variables

if TYPE_CHECKING:
    import orbax.checkpoint as ocp

FORMAT, SEAL, ARRAYS = 1, "seal.json", "state"

Arrays = dict[str, Shaped[np.ndarray, "..."]]


class CheckpointError(ValueError):
    """Checkpoints that cannot be read or written: one sentence that names the folder.

    >>> try:
    ...     jt.resume("no/such/folder", jt.load("digits"))
    ... except jt.CheckpointError as error:
    ...     print(error)
    no/such/folder holds no checkpoints: fit.json is missing.
    """


def write(folder: Path, tree: Mapping[str, Any], note: Mapping[str, Any]) -> None:
    """Writes arrays and a note, with their digests, into a new folder: the whole of it or nothing.

    Args:
        folder: must not exist; the folders above it are made.
        tree: name → arrays.
        note: plain JSON data.

    Raises:
        CheckpointError: if it cannot be written.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     write(pathlib.Path(root) / "000001", {"loss": np.ones(2)}, {"epoch": 1})
    ...     read(pathlib.Path(root) / "000001")
    ({'loss': array([1., 1.])}, {'epoch': 1})
    """
    unfinished = unfinished_name(folder)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _check_room(unfinished, tree)
        with _alone() as storage:
            storage.save((unfinished / ARRAYS).absolute(), dict(tree))
        body = {"format": FORMAT, "note": dict(note), "files": _digests(unfinished)}
        (unfinished / SEAL).write_text(_dumped(body | {"digest": _digest(_dumped(body))}), encoding="utf-8")
        unfinished.rename(folder)
    except Exception as error:  # Orbax raises what its storage raises
        shutil.rmtree(unfinished, ignore_errors=True)
        raise CheckpointError(f"{folder} cannot be written: {_reason(error)}") from error


def read(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The arrays, as NumPy's, and the note that `write` wrote.

    Args:
        folder: the checkpoint's.

    Raises:
        CheckpointError: if it holds no checkpoint, one of a later version, or one that is damaged.
    """
    body = _unsealed(folder)
    there = _digests(folder)
    for name, digest in body["files"].items():
        if there.get(name) != digest:
            raise CheckpointError(f"{folder} is damaged: {name} is {'not what was written' if name in there else 'missing'}.")
    try:
        with _alone() as storage:
            loaded: Any = storage.restore((folder / ARRAYS).absolute())
        return jax.tree.map(np.asarray, loaded), body["note"]
    except Exception as error:
        raise CheckpointError(f"{folder} cannot be read: {_reason(error)}") from error


def note_of(folder: Path) -> dict[str, Any]:
    """A checkpoint's note, without its arrays; raises CheckpointError as `read` does."""
    note: dict[str, Any] = _unsealed(folder)["note"]
    return note


def _alone() -> "ocp.Checkpointer":
    """Orbax for this process alone: process 0 writes for all of them, in the background, and the others must not wait for it.

    That is why this is Orbax's older interface: with its interface v1 every save waits for all processes, whatever its options.
    """
    import orbax.checkpoint as ocp  # which takes a third of a second, and checkpoints alone need it

    me = jax.process_index()
    options = ocp.options.MultiprocessingOptions(primary_host=me, active_processes={me}, barrier_sync_key_prefix="jaxtricks")
    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler(multiprocessing_options=options), multiprocessing_options=options)


def _unsealed(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise CheckpointError(f"{folder} holds no checkpoint.")
    try:
        text = (folder / SEAL).read_text(encoding="utf-8")
        body: dict[str, Any] = json.loads(text)
        digest, version = body.pop("digest"), int(body["format"])
        whole = text == _dumped(body | {"digest": digest}) and digest == _digest(_dumped(body))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise CheckpointError(f"{folder} is damaged: {SEAL} is not what was written.")
    if version > FORMAT:
        raise CheckpointError(f"{folder} was written by a later version: its format is {version}, and {FORMAT} is known here.")
    return body


def _digests(folder: Path) -> dict[str, str]:
    """The digest of each file but the seal, by its path within the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL)
    return {path.relative_to(folder).as_posix(): _file_digest(path) for path in files}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _dumped(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=1, sort_keys=True)


def unfinished_name(folder: Path) -> Path:
    """The hidden folder in which a checkpoint is written before it takes the place of `folder`."""
    return folder.with_name(f".{folder.name}-unfinished")


def _check_room(folder: Path, tree: Mapping[str, Any]) -> None:
    # Orbax's threads print their own tracebacks when a disk is full, beside what they raise.
    needed, free = sum(leaf.nbytes for leaf in jax.tree.leaves(tree)), shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{os.strerror(errno.ENOSPC)}, {free / 1e6:.1f} MB are free of the {needed / 1e6:.1f} MB that it needs")


def _reason(error: BaseException) -> str:
    """The storage's own message, without what Orbax puts around it, as the end of a sentence."""
    if code := re.search(r"os_error_code='(\d+)'", str(error.__cause__ or error)):
        return f"{os.strerror(int(code[1]))}."
    lines = str(error.__cause__ or error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".") + "."


def save_weights(variables: Variables, folder: Path) -> None:
    """Writes what models are evaluated with, such as {"params": …, "batch_stats": …}, into a new folder.

    Args:
        variables: those of all runs, each array with a leading axis [runs]; states that a model carries along are left out.
        folder: must not exist.

    Raises:
        CheckpointError: if it cannot be written.
    """
    write(folder, {name: tree for name, tree in variables.items() if name != CARRY}, {})


def load_weights(folder: Path) -> Variables:
    """What `save_weights` wrote: {"params": …, …}, each array with a leading axis [runs].

    Args:
        folder: the same.

    Raises:
        CheckpointError: if it holds no weights, or damaged ones.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} holds no weights.")
    variables: Variables = read(folder)[0]
    return variables


def flat(tree: Any, prefix: str) -> Arrays:
    """The arrays of a tree by their path, such as "states.params.head.kernel", copied to the host.

    >>> flat({"head": {"bias": jax.numpy.zeros(2)}}, "params")
    {'params.head.bias': array([0., 0.], dtype=float32)}
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {f"{prefix}.{jax.tree_util.keystr(path, simple=True, separator='.')}": np.array(leaf) for path, leaf in leaves}


def unflat(arrays: Arrays, like: Any, prefix: str) -> Any:
    """The tree whose arrays `flat` gave; its leaves are arrays of NumPy that may be written to.

    Args:
        arrays: path → array.
        like: a tree of the same structure, of arrays or ShapeDtypeStructs.
        prefix: as given to `flat`.

    Raises:
        CheckpointError: if an array is missing, or has another shape or type.
    """

    def found(path: Any, leaf: Any) -> Any:
        name = f"{prefix}.{jax.tree_util.keystr(path, simple=True, separator='.')}"
        array = arrays.get(name)
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            there = "missing" if array is None else f"{array.dtype}{list(array.shape)}"
            raise CheckpointError(f"the checkpoint's {name} is {there}, and {leaf.dtype}{list(leaf.shape)} is needed.")
        return np.array(array)  # a copy: the array that was read is read-only

    return jax.tree_util.tree_map_with_path(found, like)
