"""Models on the Hugging Face Hub: pushed with their card, and pulled by their name. Needs the extra jaxtricks[hub]."""

import tempfile
from pathlib import Path
from typing import Any, Protocol

from jaxtricks.config import ConfigError
from jaxtricks.publish.exported import export
from jaxtricks.publish.published import NUMPY, RUN, Published
from jaxtricks.train.runs import Runs


class Hub(Protocol):
    """What is asked of a hub: `huggingface_hub.HfApi` is one."""

    def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> Any:
        """Makes a repository, unless it is there."""

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str, delete_patterns: list[str]) -> Any:
        """Puts all files of a folder into a repository, in one commit; gives what tells where.

        Files of the repository that match one of `delete_patterns`, and are not in the folder, are removed by that commit.
        """


def push(
    model: Runs | Path | str, repository: str, *, private: bool = False, message: str = "", hub: Hub | None = None, **options: Any
) -> str:
    """Puts a model on the Hugging Face Hub, with its card, the files for JAX and for NumPy, its weights and all its numbers.

    It takes the place of a model that is there: nothing of that stays in `numpy/` or `run/`.

    Args:
        model: the restarts; or a folder that `jt.publish.export` wrote.
        repository: its name there, such as "user/digits-mlp"; it is made if it is absent.
        private: whether only its owner sees it, where it is made now.
        message: of the commit; empty for one that says what it is.
        hub: where to; None: the Hub that `huggingface_hub` is set up for, by `hf auth login`.
        options: those of `jt.publish.export`, where restarts are given.

    Returns:
        Where it is.

    Raises:
        ConfigError: where the extra is missing, the name is none, or the Hub does not take it; for options where a folder is
            given; or as `export`.
        FolderError: for a folder that is no model's.

    >>> import tempfile
    >>> class Printed:
    ...     def create_repo(self, repo_id, *, private, exist_ok):
    ...         print("made", repo_id)
    ...     def upload_folder(self, *, repo_id, folder_path, commit_message, delete_patterns):
    ...         return commit_message
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> jt.publish.push(runs, "me/digits", hub=Printed(), numpy=False)
    made me/digits
    'digits-mlp: 4 members'
    """
    if isinstance(model, Path | str):
        for name in options:
            raise ConfigError(f"push: {name} is an option of export, and {model} was exported already; restarts take it.")
        return _pushed(Published.of(model), repository, private, message, hub or _hub())
    with tempfile.TemporaryDirectory(prefix="jaxtricks-") as place:
        found = Published.of(export(model, Path(place) / "model", **options))
        return _pushed(found, repository, private, message, hub or _hub())


def pull(repository: str, *, revision: str | None = None, cache: Path | str | None = None) -> Published:
    """Gets a model from the Hugging Face Hub, or from its cache on this machine, to predict with and to look up its numbers.

    Nothing of what is pulled is run as Python: predictions come from StableHLO, numbers from JSON, weights from safetensors.

    Args:
        repository: its name, such as "user/digits-mlp".
        revision: a branch, a tag or a commit; None: the newest.
        cache: the folder of the Hub's cache; None: the usual one. With HF_HUB_OFFLINE=1 nothing else is looked at.

    Raises:
        ConfigError: where the extra is missing, or there is no such repository that can be reached.
        FolderError: for a repository that `push` did not write.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as cache:
    ...     jt.publish.pull("no/such name", cache=cache)
    Traceback (most recent call last):
    jaxtricks.config.errors.ConfigError: 'no/such name' is no name on the Hub ...
    """
    library = _library()
    try:
        place = library.snapshot_download(repository, revision=revision, cache_dir=cache)
    except library.errors.HFValidationError as error:
        raise _unnamed(repository, error) from None
    except (library.errors.HTTPError, library.errors.LocalEntryNotFoundError, OSError) as error:
        raise ConfigError(f"{repository} cannot be pulled: {_first(error)}") from None
    return Published.of(place)


def _pushed(model: Published, repository: str, private: bool, message: str, hub: Hub) -> str:
    about, library = model.about, _library()
    said = message or f"{about['name']}: {len(about['members'])} members"
    try:
        hub.create_repo(repository, private=private, exist_ok=True)
        stale = [f"{NUMPY}/*", f"{RUN}/*"]
        return str(hub.upload_folder(repo_id=repository, folder_path=model.folder, commit_message=said, delete_patterns=stale))
    except library.errors.HFValidationError as error:
        raise _unnamed(repository, error) from None
    except (library.errors.HTTPError, OSError) as error:
        raise ConfigError(f"{repository} cannot be pushed: {_first(error)}") from None


def _unnamed(repository: str, error: Exception) -> ConfigError:
    return ConfigError(f"{repository!r} is no name on the Hub ({_first(error)}); one such as user/digits-mlp is allowed.")


def _first(error: Exception) -> str:
    """The first sentence of what an error says."""
    said = str(error).strip() or type(error).__name__
    return said.splitlines()[0]


def _hub() -> Hub:
    hub: Hub = _library().HfApi()
    return hub


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError:
        raise ConfigError("the Hugging Face Hub needs the package huggingface_hub: pip install jaxtricks[hub].") from None
    return huggingface_hub
