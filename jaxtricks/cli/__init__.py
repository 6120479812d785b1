"""The command line: parse, call, print."""

import contextlib
import dataclasses
import itertools
import json
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast

import tyro
from jax.errors import JaxRuntimeError

from jaxtricks import data
from jaxtricks.cli import supervisor
from jaxtricks.config import ConfigError, Field, Kind, choices, fields, items, nearest, parse
from jaxtricks.data import DataError, Dataset, Text
from jaxtricks.diagnose.gradients import check_named
from jaxtricks.engine import preemption
from jaxtricks.engine import processes as machines
from jaxtricks.engine.layout import Layout, set_up
from jaxtricks.engine.preemption import Preempted
from jaxtricks.engine.processes import Place
from jaxtricks.evaluate.ablate import ablate
from jaxtricks.evaluate.compare import short, study
from jaxtricks.evaluate.ensemble import Fitted, Greedy, TopK, ensemble
from jaxtricks.experiment.catalogue import catalogue
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report import folder as folders
from jaxtricks.report import terminal, watch
from jaxtricks.report.events import Events
from jaxtricks.report.folder import FolderError
from jaxtricks.report.record import BASELINE, Record, record_runs, record_study
from jaxtricks.report.table import table
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.journal import Checkpoints
from jaxtricks.train.fit import fit, seed_list, snapshots
from jaxtricks.train.runs import Runs

ROOT = Path("runs")
Arms = dict[str, Experiment]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Together:
    """What commands share that several processes may run together.

    Args:
        distributed: train together with the other processes of a Slurm, GKE or Open MPI job or of a TPU pod; elsewhere the next
            three, or $JAXTRICKS_COORDINATOR and so on, say who they are.
        coordinator: host:port of process 0.
        processes: how many processes there are.
        process: which of them this is, from 0.
    """

    distributed: bool = False
    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    def place(self) -> Place | None:
        """Which of several processes this one is; None where it is alone.

        Raises:
            ConfigError: for flags that do not go together.
        """
        given = Place(self.coordinator, self.processes, self.process)
        if self.distributed:
            return given.found()
        for name, value in given._asdict().items():
            if value is not None:
                raise ConfigError(f"--{name} is for --distributed, which is missing.")
        return None

    def join(self) -> None:
        """Meets the others, which has to be before JAX's backend starts."""
        if (place := self.place()) is not None:
            supervisor.hold_on()
            machines.join(place)


@dataclasses.dataclass(frozen=True)
class Training(Together):
    """What `run`, `compare` and `ablate` share; any setting of the experiment is a flag too: --model.widths 256 256.

    Args:
        data: "digits", "python_topics", the name of a set of images or texts that TFDS has prepared, or a folder with train.txt.
        data_dir: where TFDS sets lie; by default $TFDS_DATA_DIR.
        words: of a text set, how many of its commonest words are counted in each text.
        level: of a text, what its tokens are: byte, char or word; it is read as sequences then.
        length: of a text with --level, tokens of one sequence.
        vocabulary: of a text with --level, how many tokens are kept at most, the commonest.
        config: a JSON file as every run writes it; flags change it.
        seeds: one number: so many restarts, 0, 1, …; several: the seeds themselves.
        split: a seed whose training and validation split all restarts share, as an ensemble of chosen ones asks for; by default
            each draws its own.
        devices: devices to spread restarts over; by default all that they can use.
        mesh: devices by what they share, such as runs=4,data=2: four groups of restarts, each batch shared by two; model=2: each
            wide layer shared by two.
        memory: GB that training may take on one device; restarts beyond that take turns. By default a share of what it has.
        stream: keep the data on the host and feed the devices window by window, as happens anyway to data that they cannot hold.
        out: the folder to write, which must not exist; by default a new one under runs/.
        keep_every: keep the checkpoint of every so many epochs, beside the newest two.
        keep_best: a validation metric: keep the checkpoint where its mean over the restarts is best, too.
        json: print one JSON object instead of text.
    """

    data: str = "digits"
    data_dir: Path | None = None
    words: int | None = None
    level: str | None = None
    length: int | None = None
    vocabulary: int | None = None
    config: Path | None = None
    seeds: tuple[int, ...] = (16,)
    split: int | None = None
    devices: int | None = None
    mesh: str | None = None
    memory: float | None = None
    stream: bool = False
    out: Path | None = None
    keep_every: int | None = None
    keep_best: str | None = None
    json: bool = False

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        arms = self.arms(self.experiment(overrides))
        data = self.start()
        name = f"{data.name}-{type(self).__name__.lower()}"
        folder = machines.on_first(lambda: folders.claim(self.out or folders.fresh(ROOT, name), command))
        useless = False
        try:
            self.work(arms, data, folder, command)
        except (ConfigError, DataError):  # it could never be finished
            useless = True
            raise
        finally:
            if machines.first():
                if useless or not folders.reached(folder):
                    folders.leave(folder)
                with contextlib.suppress(OSError):
                    ROOT.rmdir()  # where this was the first, and nothing came of it

    def work(self, arms: Arms, data: Dataset, folder: Path, command: str) -> None:
        """Trains, from the folder's checkpoints on if it holds some, writes the folder and prints what was found."""
        with contextlib.ExitStack() as stack:
            if machines.first():  # others may not even have the folder
                stack.enter_context(folders.working(folder))
            self._work(arms, data, folder, command)

    def _work(self, arms: Arms, data: Dataset, folder: Path, command: str) -> None:
        checkpoints = Checkpoints(folder / folders.CHECKPOINTS, best=self.keep_best, every=self.keep_every)
        options = {"seeds": self._seeds(), "split": self.split, "layout": self.layout(), "progress": not self.json}
        try:
            with preemption.listening():
                record, text, runs = self.results(arms, data, command, options | {"checkpoints": checkpoints})
        except Preempted as stop:
            if machines.first():
                print(f"jaxtricks: {stop} `jaxtricks resume {folder}` goes on.", file=sys.stderr)
            sys.exit(preemption.EXIT_CODE)
        machines.on_first(lambda: folders.save(record, folder, runs))
        if not machines.first():
            return
        if self.json:
            print(json.dumps({"folder": str(folder), "verdicts": [v.to_dict() for v in record.verdicts], "text": text}))
        else:
            print(f"{text}\n\n{folder / 'report.html'}")

    def arms(self, experiment: Experiment) -> Arms:
        """What is trained: "baseline" → the experiment of the flags, and label → each change of it."""
        return {BASELINE: experiment}

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        """What came of it: the record, its text, and the runs whose weights are worth keeping.

        Args:
            arms: what is trained.
            data: on what.
            command: what reproduces it.
            options: those of `fit`.
        """
        raise NotImplementedError

    def start(self) -> Dataset:
        """Sets JAX up for the work, which has to be before its backend starts, and loads the data."""
        layout = self.layout()
        set_up((layout.runs or len(seed_list(self._seeds()))) * layout.data * layout.model)
        self.join()
        machines.on_first(lambda: folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out))
        return data.load(self.data, self.data_dir, self.words, self._text())

    def layout(self) -> Layout:
        """Which devices share what."""
        if self.mesh is not None and self.devices is not None:
            raise ConfigError("--devices and --mesh both say how many devices there are; one of the two is allowed.")
        layout = Layout(runs=self.devices) if self.mesh is None else Layout.parse(self.mesh)
        return dataclasses.replace(layout, memory=self.memory, stream=True if self.stream else None)

    def _text(self) -> Text | None:
        if self.level is None:
            for name in ("length", "vocabulary"):
                if getattr(self, name) is not None:
                    raise ConfigError(f"--{name} is for texts; --level byte, char or word says what their tokens are.")
            return None
        if self.length is None:
            raise ConfigError(f"--level {self.level} needs --length, the tokens of one sequence, such as --length 100.")
        return Text(cast(Any, self.level), self.length, self.vocabulary)

    def _seeds(self) -> int | tuple[int, ...]:
        return self.seeds[0] if len(self.seeds) == 1 else self.seeds

    def experiment(self, overrides: dict[str, list[str]]) -> Experiment:
        """The experiment of the file, or the default one, with the flags' values.

        Raises:
            ConfigError: for a file that is no config, an unknown setting or a value that it does not take.
        """
        experiment = Experiment() if self.config is None else _read(self.config)
        for path, words in overrides.items():
            experiment = experiment.replace({path: parse(experiment, path, words)})
        return experiment


@dataclasses.dataclass(frozen=True)
class Run(Training):
    """Train restarts of one experiment in one compiled program, and sum them up.

    Every setting of the experiment is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.
    """

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        runs = fit(arms[BASELINE], data, **options)
        return record_runs(runs, command=command), str(runs.summary()), runs


@dataclasses.dataclass(frozen=True)
class Compared(Training):
    """What `compare` and `ablate` share.

    Args:
        metric: what is compared: accuracy, nll or ece; of texts without labels accuracy, nll, perplexity or bits.
        margin: the smallest difference worth caring about, in the metric's units (0.005 is half a point of accuracy).
    """

    metric: str = "accuracy"
    margin: float | None = None

    def options(self, given: dict[str, Any]) -> dict[str, Any]:
        """Those of `study`."""
        return given | {"metric": self.metric, "margin": self.margin}


@dataclasses.dataclass(frozen=True)
class Compare(Compared):
    """Judge changes against a baseline, paired by seed: helps, hurts, no difference, too few seeds or inconclusive.

    Every setting of the baseline is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.

    Args:
        change: path=value, or several of them that make one change together; give --change once for each change.
    """

    change: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()

    def arms(self, experiment: Experiment) -> Arms:
        if not self.change:
            raise ConfigError("--change is missing; name at least one, such as --change model.dropout=0.5.")
        return {BASELINE: experiment} | {" ".join(words): _changed(experiment, words) for words in self.change}

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        changes = {label: arm for label, arm in arms.items() if label != BASELINE}
        result = study(arms[BASELINE], changes, data, **self.options(options))
        return record_study(result, command=command, kind="compare"), table(result.verdicts), None


@dataclasses.dataclass(frozen=True)
class Ablate(Compared):
    """Judge an experiment without each of its tricks, and with each trick that it lacks.

    Every setting of the experiment is a flag too, such as --model.dropout 0.5; `jaxtricks list settings` names them.
    """

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        result = ablate(arms[BASELINE], data, **self.options(options))
        return record_study(result, command=command, kind="ablate"), table(result.verdicts), None


@dataclasses.dataclass(frozen=True)
class Resume(Together):
    """Go on with a run, comparison or ablation that was cut off, from its newest checkpoints.

    On the same devices the result is that of the uninterrupted one to the bit. Exit code 75 if SIGTERM ended it once more.

    Args:
        folder: the run's folder, such as runs/digits-run-1.
    """

    folder: tyro.conf.Positional[Path]

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        folder = self.folder.absolute()
        if folders.finished(folder):
            raise FolderError(f"{self.folder} is finished; its page is {self.folder / folders.PAGE}.")
        training, settings, began = _begun(folder)
        # Other processes than before may go on, more of them or one.
        training = dataclasses.replace(
            training, **{field.name: getattr(self, field.name) for field in dataclasses.fields(Together)}
        )
        training.work(training.arms(training.experiment(settings)), training.start(), folder, began)


@dataclasses.dataclass(frozen=True)
class Watch:
    """Show how a run, comparison or ablation goes on that another process trains: curves of each restart, and their mean.

    In a terminal a picture that follows the run, elsewhere a line for each segment, until the run ends; Ctrl-C leaves the run
    alone. Exit code 1 if it was cut off.

    Args:
        folder: the run's folder, such as runs/digits-run-1.
        metric: the curve beside the training loss; by default accuracy, or the error of values.
        arm: of a comparison, the change that is drawn with the baseline; by default the one that trained last.
        once: show how it stands now, and end.
    """

    folder: tyro.conf.Positional[Path]
    metric: str | None = None
    arm: str | None = None
    once: bool = False

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        folder = folders.found(self.folder, ROOT)
        views = itertools.islice(watch.follow(folder), 1 if self.once else None)
        _ended(terminal.show(views, self.metric, self.arm))


@dataclasses.dataclass(frozen=True)
class TensorBoard:
    """Write a run's curves as event files for `tensorboard --logdir`, and go on until the run ends; Ctrl-C leaves the run alone.

    Each restart is one of TensorBoard's runs, and so are their mean and a standard deviation below and above it.

    Args:
        folder: the run's folder, such as runs/digits-run-1; the files go into its folder tensorboard.
    """

    folder: tyro.conf.Positional[Path]

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        folder = folders.found(self.folder, ROOT)
        views = watch.follow(folder)
        first = next(views)
        with contextlib.closing(Events(folder)) as events:
            print(f"tensorboard --logdir {folder}", flush=True)
            _ended(terminal.lines(events.written(itertools.chain([first], views))))


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Average the predictions of a run's restarts, of several runs' or of a run's checkpoints, and say what that gains.

    Members are judged on validation examples that they did not train on; where some are chosen or weighed, by one half of these
    (the runs share a split then, see --split of run), on the other half.

    Args:
        folders: of the runs, such as runs/digits-run-1; all on the same data.
        of: restarts, as they were last, or checkpoints, all that were kept (see --keep-every of run), of each restart.
        choose: all members alike; the top ones by loss; one after the other, greedily; or fitted weights on all.
        size: how many members top takes, or how many times greedy adds one.
        average: whether probabilities or logits are averaged.
        json: print one JSON object instead of text.
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    of: Literal["restarts", "checkpoints"] = "restarts"
    choose: Literal["all", "top", "greedy", "fitted"] = "all"
    size: int = 5
    average: Literal["probabilities", "logits"] = "probabilities"
    json: bool = False

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        if not self.folders:
            raise ConfigError("a run's folder is missing; name at least one, such as runs/digits-run-1.")
        places = [folder.absolute() for folder in self.folders]
        known = dataclasses.replace(_begun(places[0])[0], **dataclasses.asdict(Together())).start()
        members: list[Runs] = []
        for place in places:
            kept = list(snapshots(place / folders.CHECKPOINTS, known).values())
            if not kept:
                raise FolderError(f"{place} holds no checkpoint that can be read.")
            members += kept if self.of == "checkpoints" else kept[-1:]
        choices = {"all": None, "top": TopK(self.size), "greedy": Greedy(self.size), "fitted": Fitted()}
        report = ensemble(members, average=self.average, choose=choices[self.choose]).evaluate(known)
        print(json.dumps(dataclasses.asdict(report)) if self.json else report)


@dataclasses.dataclass(frozen=True)
class List:
    """List the tricks that can be switched, the settings that are flags, the data sets at hand, or the runs made.

    Args:
        what: tricks, settings, data or runs.
        data_dir: where TFDS sets lie; by default $TFDS_DATA_DIR.
        json: print a JSON list instead of text.
    """

    what: tyro.conf.Positional[Literal["tricks", "settings", "data", "runs"]]
    data_dir: Path | None = None
    json: bool = False

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        if self.what == "tricks":
            rows = [entry.to_json() for entry in catalogue()]
            lines = [f"{row['path']:40} {' '.join(row['rows']):20} {row['summary']} ({row['paper']})" for row in rows]
        elif self.what == "settings":
            rows = [
                {"path": p, "default": short(v), "allowed": f.allowed}
                for p, f, v in items(Experiment())
                if not _holds_settings(f)
            ]
            lines = [f"--{row['path'].replace('_', '-'):34} {row['default']:44} {row['allowed']}" for row in rows]
        elif self.what == "data":
            rows = [dataclasses.asdict(listing) for listing in data.names(self.data_dir)]
            lines = [_data_line(row) for row in rows]
        else:
            entries, begun = folders.listing(ROOT), folders.unfinished(ROOT)
            rows = [dataclasses.asdict(entry) | {"path": str(entry.path)} for entry in entries]
            lines = [str(entry) for entry in entries] + [f"{path.name}  unfinished: jaxtricks resume {path}" for path in begun]
            lines = lines or [f"no runs under {ROOT}/ yet"]
        print(json.dumps(rows, default=str) if self.json else "\n".join(lines))


@dataclasses.dataclass(frozen=True)
class Report:
    """Render the page of a run's folder again, from the folder alone.

    Args:
        folder: the run's folder, such as runs/digits-compare-1.
    """

    folder: tyro.conf.Positional[Path]

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        print(folders.render(self.folder))


@dataclasses.dataclass(frozen=True)
class Sample:
    """Write text with a language model that `jaxtricks run` trained on a text.

    Args:
        folder: the run's folder, such as runs/tiny_shakespeare-run-1.
        prompt: what the text begins with.
        tokens: how many tokens are written after it.
        temperature: 1 draws as the model predicts, less is safer, 0 takes the likeliest token each time.
        seed: of the draws.
        restart: which of the run's restarts writes, 0 for the first.
        json: print one JSON object instead of text.
    """

    folder: tyro.conf.Positional[Path]
    prompt: str
    tokens: int = 300
    temperature: float = 0.8
    seed: int = 0
    restart: int = 0
    json: bool = False

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        writer = folders.writer(self.folder, self.restart)
        text = writer.write(self.prompt, tokens=self.tokens, temperature=self.temperature, seed=self.seed)
        print(json.dumps({"prompt": self.prompt, "text": text}) if self.json else text)


@dataclasses.dataclass(frozen=True)
class CheckGradient:
    """Compare the gradient of an activation or a function of one's own with central differences; exit code 1 where it is wrong.

    Args:
        function: an activation's name, such as gelu, or module:function, found from the current folder too.
        points: how many points to look at: 0, and others drawn from N(0, 3²).
        seed: of the draw.
        json: print one JSON object instead of text.
    """

    function: tyro.conf.Positional[str]
    points: int = 100
    seed: int = 0
    json: bool = False

    def __call__(self, overrides: dict[str, list[str]], command: str) -> None:
        _refuse(overrides)
        sys.path.insert(0, str(Path.cwd()))
        check = check_named(self.function, self.points, self.seed)
        print(json.dumps(check.to_json()) if self.json else check)
        if not check.ok:
            sys.exit(1)


def _ended(view: watch.View) -> None:
    """Names the way on where a run was cut off."""
    if view.phase is watch.Phase.ENDED:
        print(f"jaxtricks: {view.folder} was cut off; `jaxtricks resume {view.folder}` goes on.", file=sys.stderr)
        sys.exit(1)
    if view.phase is watch.Phase.FINISHED:
        print(view.folder / folders.PAGE)


def _begun(folder: Path) -> tuple[Training, dict[str, list[str]], str]:
    """What a run's folder was begun with: the command, its settings, and the line of shell."""
    line, where = folders.claimed(folder)
    if where.is_dir():  # paths among the flags are from there
        os.chdir(where)
    training, unknown = _parsed(shlex.split(line)[1:])
    return dataclasses.replace(training, out=None), _overrides(unknown), line


def _holds_settings(field: Field) -> bool:
    return field.kind is Kind.CONFIG and not choices(field.type)


def _data_line(row: dict[str, Any]) -> str:
    if not row["prepared"]:
        return f"{row['name']:20} not prepared"
    if row["classes"] is None:
        return f"{row['name']:20} text without labels, for --level byte, char or word"
    shape = "text" if row["shape"] is None else "×".join(map(str, row["shape"]))
    return f"{row['name']:20} {row['examples']:>7} examples of {shape}, {row['classes']} classes"


def _read(path: Path) -> Experiment:
    try:
        return Experiment.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"--config {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"--config {path} is not JSON: byte {error.start} is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"--config {path} is not JSON: {error.msg} in line {error.lineno}.") from None


def _changed(baseline: Experiment, words: Sequence[str]) -> Experiment:
    for word in words:
        path, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"--change {word!r} is not path=value, such as model.dropout=0.5.")
        baseline = baseline.replace({path: parse(baseline, path, [value])})
    return baseline


def _overrides(words: Sequence[str]) -> dict[str, list[str]]:
    """Settings among the flags that tyro does not know: `--model.widths 256 256` → {"model.widths": ["256", "256"]}."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            current = found.setdefault(name.replace("-", "_"), [])
            current += [value] if equals else []
        elif current is None:
            raise ConfigError(f"{word!r} stands where a flag should, such as --model.dropout.")
        else:
            current.append(word)
    return found


def _refuse(overrides: dict[str, list[str]]) -> None:
    for name in overrides:
        raise ConfigError(f"--{name} is no flag of this command; --help lists them.")


def _known(command: Any, overrides: dict[str, list[str]]) -> None:
    """Refuses a flag that is neither the command's nor a setting, with the nearest of both."""
    if not isinstance(command, Training):
        return
    flags = [field.name for field in dataclasses.fields(command)]
    for path in overrides:
        if "." not in path and path not in fields(Experiment):
            raise ConfigError(f"there is no flag --{path}{nearest(path, [*flags, *fields(Experiment)])}")


COMMANDS = {
    "run": Run,
    "compare": Compare,
    "ablate": Ablate,
    "resume": Resume,
    "watch": Watch,
    "tensorboard": TensorBoard,
    "ensemble": Ensemble,
    "list": List,
    "report": Report,
    "sample": Sample,
    "check-gradient": CheckGradient,
}


def _parsed(words: list[str]) -> tuple[Any, list[str]]:
    """The command with its flags, and the words that are none of them."""
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise ConfigError(f"there is no command {words[0]!r}; there are: {', '.join(COMMANDS)}.")
    command: Any = Union[tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, kind in COMMANDS.items())]  # noqa: UP007
    return tyro.cli(
        command,
        prog="jaxtricks",
        description="Does a training trick help on your task, by how much, and is that more than luck?",
        args=words,
        return_unknown_args=True,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point; bad input ends in one sentence and exit code 2."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        command, unknown = _parsed(words)
        if isinstance(command, Together) and command.place() is not None and supervisor.needed():
            sys.exit(supervisor.supervise(words))
        overrides = _overrides(unknown)
        _known(command, overrides)
        command(overrides, shlex.join(["jaxtricks", *words]))
    except (ConfigError, DataError, FolderError, CheckpointError) as error:
        print(f"jaxtricks: {error}", file=sys.stderr)
        supervisor.give_up(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if supervisor.needed():
            raise
        if isinstance(error, JaxRuntimeError):  # a message to the others failed, as a rule
            print(f"jaxtricks: {str(error).splitlines()[0]}", file=sys.stderr)
            supervisor.give_up(supervisor.LOST)
        traceback.print_exc()
        supervisor.give_up(1)


if __name__ == "__main__":
    main()
