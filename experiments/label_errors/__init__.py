"""Label errors that others confirmed by eye, and how many of them `jt.label_errors` names first."""
