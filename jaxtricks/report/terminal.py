"""The state of a run in a terminal: each restart's curves and their mean ± a standard deviation; elsewhere one line."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import plotille
from jaxtyping import Float
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jaxtricks.config import ConfigError, nearest
from jaxtricks.objectives.task import headline
from jaxtricks.report.text import decades, named, units
from jaxtricks.report.watch import ArmSoFar, View
from jaxtricks.statistics import band

LOSS = "train_loss"
GUTTER, WIDEST, SIDE_BY_SIDE = 17, 90, 100  # columns: beside a plot; of a plot; of a terminal that holds two
HEAD, AXES, LOWEST, HIGHEST = 6, 4, 3, 20  # lines: around the plots; of each one's title and axes; of a plot
# Of a restart, of the band's ends and of the mean: the only arm; the baseline, blue as on the page, and another, red.
ALONE = (("bright_black", "blue", "bright_cyan"),)
PAIR = (("blue", "bright_blue", "bright_cyan"), ("red", "bright_red", "bright_yellow"))
SHOWN = (0.02, 0.98)  # quantiles


def shown(view: View, metric: str | None) -> tuple[str, ...]:
    """The curves to show: the training loss and a metric.

    Args:
        view: of a run.
        metric: one of its curves, which all its arms have; None for the task's first metric.

    Raises:
        ConfigError: for one that the run does not have.
    """
    begun = [arm for arm in view.arms if arm.epoch]
    if not begun:
        return ()
    names = [name for name in begun[0].curves if all(name in arm.curves for arm in begun)]
    if metric is not None and metric not in names:
        raise ConfigError(f"metric = {metric!r} is unknown{nearest(metric, names)}")
    return tuple(dict.fromkeys((LOSS, metric or headline(names))))


def show(views: Iterable[View], metric: str | None = None, arm: str | None = None) -> View:
    """Shows a run while it goes on: as a picture in a terminal, elsewhere in lines.

    Args:
        views: the run, again and again.
        metric: one of its curves; None for the usual one.
        arm: the one that is drawn with the baseline; None for the one that trained last.

    Returns:
        The last of the views.

    Raises:
        ConfigError: for a metric or an arm that the run does not have.
    """
    console = Console()
    if not console.is_terminal:
        return lines(views, metric)
    with Live(console=console, auto_refresh=False) as live:
        for view in views:
            live.update(screen(view, metric, arm, console), refresh=True)
    return view


def lines(views: Iterable[View], metric: str | None = None) -> View:
    """Prints a line for each view in which more is done or the phase has changed.

    Args:
        views: the run, again and again.
        metric: one of its curves; None for the usual one.

    Returns:
        The last of the views.

    Raises:
        ConfigError: for a metric that the run does not have.
    """
    before = None
    for view in views:
        if (now := (view.phase, view.done, view.tried)) != before:
            print(line(view, metric), flush=True)
        before = now
    return view


def line(view: View, metric: str | None = None) -> str:
    """The state of a run in one line.

    Args:
        view: of a run.
        metric: one of its curves; None for the usual one.
    """
    names = shown(view, metric)
    values = [
        ", ".join(([] if len(view.arms) == 1 else [arm.label]) + [_last(arm, name) for name in names])
        for arm in view.arms
        if arm.epoch
    ]
    return f"{_status(view)}" + (f": {'; '.join(values)}" if values else "")


def screen(view: View, metric: str | None, arm: str | None, console: Console) -> RenderableType:
    """The state of a run for a terminal: a bar, two plots and a table.

    Args:
        view: of a run.
        metric: one of its curves; None for the usual one.
        arm: the one that is drawn with the baseline; None for the one that trained last.
        console: the terminal, which sets the size of the plots.

    Raises:
        ConfigError: for a metric or an arm that the run does not have.
    """
    names, arms = shown(view, metric), drawn(view, arm)
    parts: list[RenderableType] = [Text(f"{view.folder}  {_status(view)}", style="bold", no_wrap=True, overflow="ellipsis")]
    if view.total:
        bar = Table.grid(padding=(0, 2))  # a table ends its line, and a bar alone does not
        bar.add_row(ProgressBar(total=view.total, completed=view.done, width=console.width - 6), f"{view.done / view.total:.0%}")
        parts.append(bar)
    if names:
        across = len(names) if console.width >= SIDE_BY_SIDE else 1
        width = min(console.width // across - GUTTER, WIDEST)
        room = (console.height - HEAD - len(view.arms)) // (len(names) // across) - AXES
        height = min(max(room, LOWEST), HIGHEST)
        plots = [_plot(name, arms, max(width, 10), height) for name in names]
        grid = Table.grid(padding=(0, 3))
        for start in range(0, len(plots), across):
            grid.add_row(*plots[start : start + across])
        parts += [grid, _legend(arms), _table(view, names)]
    return Group(*parts)


def drawn(view: View, label: str | None) -> list[ArmSoFar]:
    """The arms that are drawn: the baseline, and the one of the label or the one that trained last.

    Raises:
        ConfigError: for a label that no arm has.
    """
    labels = [arm.label for arm in view.arms]
    if label is not None and labels and label not in labels:
        raise ConfigError(f"arm = {label!r} is unknown{nearest(label, labels)}")
    others = [arm for arm in view.arms[1:] if (arm.epoch if label is None else arm.label == label)]
    return [*view.arms[:1], *others[-1:]]


def _status(view: View) -> str:
    parts = [str(view.phase.value)]
    if view.tried:
        parts.append(view.tried)
    epochs = {(arm.epoch, arm.epochs) for arm in view.arms}
    if len(epochs) == 1:
        parts.append("epoch {} of {}".format(*epochs.pop()))
    elif view.arms:
        parts.append(f"{view.done} of {view.total} restart-epochs")
    if view.left is not None:
        parts.append(f"about {_duration(view.left)} to go")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def _plot(name: str, arms: Sequence[ArmSoFar], width: int, height: int) -> Text:
    """Each restart thin, and on top the mean between lines at a standard deviation."""
    written = units(arms[0].metric(name))
    values = [(written.scale * arm.curves[name], shade) for arm, shade in zip(arms, _shades(arms), strict=True) if arm.epoch]
    flat = np.concatenate([y[np.isfinite(y)] for y, _ in values])
    logarithmic = decades(name, flat[flat > 0])
    figure = plotille.Figure()
    figure.width, figure.height, figure.origin, figure.color_mode = width, height, False, "names"
    figure.x_label = figure.y_label = ""
    for kind in (int, float):
        figure.register_label_formatter(kind, _tick)
    figure.y_ticks_fkt = (lambda low, high: 10**low) if logarithmic else None
    figure.x_ticks_fkt = lambda low, high: round(low)
    bands = [(band(y), shade) for y, shade in values]
    thin = [(row, shade[0]) for y, shade in values for row in y]
    edges = [(edge, shade[1]) for each, shade in bands for edge in (each.low, each.high)]
    heights = []
    for y, colour in [*thin, *edges, *((each.mean, shade[2]) for each, shade in bands)]:
        known = np.isfinite(y) & (y > 0) if logarithmic else np.isfinite(y)
        heights.append(np.log10(y[known]) if logarithmic else y[known])
        figure.plot((np.flatnonzero(known) + 1).tolist(), heights[-1].tolist(), lc=colour)
    figure.set_x_limits(1, max(2, *(arm.epochs for arm in arms)))
    figure.set_y_limits(*_limits(np.concatenate(heights)))
    _, *rows, axis, numbers = figure.show().splitlines()
    lines = [f"{written.axis}, by epoch", *rows, axis.removesuffix("-> ()"), numbers]
    return Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")


def _limits(values: Float[np.ndarray, " values"]) -> tuple[float, float]:
    """The range of a plot's axis: the first epochs and a few extreme values may lie outside, so that restarts differ visibly."""
    low, high = map(float, np.quantile(values, SHOWN)) if values.size else (0.0, 1.0)
    room = 0.1 * (high - low) or 0.02 * abs(high) or 1.0
    return low - room, high + room


def _tick(value: float, chars: int, delta: float, left: bool = False) -> str:
    return f"{value:.4g}".ljust(chars) if left else f"{value:.4g}".rjust(chars)


def _legend(arms: Sequence[ArmSoFar]) -> Group:
    """A line an arm."""
    lines = []
    for (thin, edge, bold), arm in zip(_shades(arms), arms, strict=True):
        parts = (("━━ ", bold), "mean   ", ("── ", edge), "one standard deviation around it   ", ("── ", thin), "each restart")
        who = f"   ({arm.label})" if len(arms) > 1 else ""
        lines.append(Text.assemble(*parts, who, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _shades(arms: Sequence[ArmSoFar]) -> tuple[tuple[str, str, str], ...]:
    return ALONE if len(arms) == 1 else PAIR


def _table(view: View, names: Sequence[str]) -> Table:
    """A row an arm: how far it is, and the mean and spread of its restarts after the last epoch."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "restarts", "epoch", *(units(view.arms[0].metric(name)).axis for name in names)):
        table.add_column(heading, justify="right" if heading else "left", header_style="dim", no_wrap=True)
    for arm in view.arms:
        values = [_value(name, arm) if arm.epoch else "–" for name in names]
        table.add_row(Text(arm.label), str(len(arm.names)), f"{arm.epoch} of {arm.epochs}", *values)
    return table


def _last(arm: ArmSoFar, name: str) -> str:
    """Such as `accuracy 97.31 ± 0.45 %`."""
    return f"{named(name)} {_value(name, arm)}{units(arm.metric(name)).sign and ' ' + units(arm.metric(name)).sign}"


def _value(name: str, arm: ArmSoFar) -> str:
    """Mean and standard deviation over the restarts after the last epoch, of those that are finite."""
    around = band(arm.curves[name][:, -1:])
    mean, deviation = float(around.mean[0]), float(around.high[0] - around.mean[0])
    written = units(arm.metric(name), [2 * deviation])
    text = written.value if abs(mean) > 1e-3 else "{:.2g}".format
    if math.isnan(mean):
        return "–"
    return text(mean) + ("" if math.isnan(deviation) else f" ± {text(deviation)}")
