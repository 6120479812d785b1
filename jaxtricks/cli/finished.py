"""The commands that read the folder of a finished run: report and sample."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.command import Command, Copy, Settings
from jaxtricks.cli.optional import Maybe, Positional, Switch
from jaxtricks.config import ConfigError
from jaxtricks.report import files, fits
from jaxtricks.store.manifest import MANIFEST
from jaxtricks.store.mirror import working_copy


@dataclasses.dataclass(frozen=True)
class Report(Command):
    """Render the page of a run's folder again, from the folder alone, or that of a fit from Python, from its checkpoints.

    Args:
        folder: the run's folder, such as runs/digits-compare-1, or that of jaxtricks.Checkpoints of a fit from Python, whose data
            have to be a set that is loaded by its name.
        data_dir: for a fit from Python: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
    """

    copies: ClassVar[Mapping[str, Copy]] = {"folder": working_copy}

    folder: Positional[Path]
    data_dir: Maybe[Path] = None

    def __call__(self, settings: Settings, line: str) -> None:
        fitted = (self.folder / MANIFEST).is_file()
        print(fits.render(self.folder, self.data_dir) if fitted else files.render(self.folder))


@dataclasses.dataclass(frozen=True)
class Sample(Command):
    """Write text with a language model that `jaxtricks run` trained on a text.

    Args:
        folder: the run's folder, such as runs/tiny_shakespeare-run-1.
        prompt: what the text begins with.
        tokens: how many tokens are written after it.
        temperature: 1 draws as the model predicts, less is safer, 0 takes the likeliest token each time; by default 0.8.
        seed: of the draws; by default 0.
        beams: write the likeliest text that is found by keeping so many on the way; nothing is drawn then, at no temperature.
        restart: which of the run's restarts writes, 0 for the first.
        json: print one JSON object instead of text.
    """

    folder: Positional[Path]
    prompt: str
    tokens: int = 300
    temperature: Maybe[float] = None
    seed: Maybe[int] = None
    beams: Maybe[int] = None
    restart: int = 0
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        for flag, value in {"temperature": self.temperature, "seed": self.seed}.items():
            if value is not None and self.beams is not None:
                raise ConfigError(
                    f"--{flag} {value} is for draws, and --beams {self.beams} draws nothing; one of them is allowed."
                )
        writer = files.writer(self.folder, self.restart)
        if self.beams is None:
            temperature = 0.8 if self.temperature is None else self.temperature
            text = writer.write(self.prompt, tokens=self.tokens, temperature=temperature, seed=self.seed or 0)
        else:
            text = writer.search(self.prompt, tokens=self.tokens, beams=self.beams)
        print(json.dumps({"prompt": self.prompt, "text": text}) if self.json else text)
