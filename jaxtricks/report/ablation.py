"""An ablation as the papers print it: the whole experiment first, then what it is without each part, in order of effect."""

from collections.abc import Sequence

from jaxtricks.evaluate.ablate import added, left_out
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.report.table import table

LEFT_OUT, ADDED = "left out, one at a time", "added, one at a time"


def grouped(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """Heading → verdicts in order of effect; a heading without any is left out.

    Args:
        verdicts: of an ablation.
    """
    parts = {LEFT_OUT: left_out(verdicts), ADDED: added(verdicts)}
    return {heading: part for heading, part in parts.items() if part}


def in_order(kind: str, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts as they are listed: those of an ablation by effect, see `grouped`, others as they were asked for.

    Args:
        kind: of the record that they are of.
        verdicts: of one family.
    """
    return [verdict for part in grouped(verdicts).values() for verdict in part] if kind == "ablate" else list(verdicts)


def ablation_table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as aligned text: those without a trick, that which is worth most first, and those with one more.

    Args:
        verdicts: of an ablation.
    """
    return table(in_order("ablate", verdicts))
