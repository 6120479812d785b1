"""The flags that name a metric."""

import dataclasses
from typing import ClassVar, Literal

from jaxtricks.cli.optional import Maybe
from jaxtricks.config import ConfigError
from jaxtricks.config.references import resolve
from jaxtricks.objectives.metric import Metric


@dataclasses.dataclass(frozen=True)
class MetricFlags:
    """Which metric counts.

    Args:
        metric: the metric that the result goes by: a name, such as nll, macro_f1 or top_5 (`jaxtricks list metrics`), or
            module:name of your own jaxtricks.Metric or function; by default accuracy, or the mean squared error of values.
        better: for --metric module:function: which values are better, higher or lower.
    """

    title: ClassVar[str] = "metric"

    metric: Maybe[str] = dataclasses.field(default=None, kw_only=True)
    better: Maybe[Literal["higher", "lower"]] = dataclasses.field(default=None, kw_only=True)

    def judged_by(self) -> str | Metric | None:
        """The metric, or its name.

        Raises:
            ConfigError: for a module or a name in it that there is not, or a function whose direction is not said.
        """
        name = self.metric
        if name is None or ":" not in name:
            if self.better is not None:
                raise ConfigError(f"--better is for --metric module:function, and the metric is {name or 'the usual one'}.")
            return name
        found = resolve(name)
        if isinstance(found, Metric):
            return found
        if self.better is None:
            raise ConfigError(f"--metric {name} is no jaxtricks.Metric, so --better higher or --better lower has to say more.")
        return Metric(getattr(found, "__name__", name), found, higher_is_better=self.better == "higher")
