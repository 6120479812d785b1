"""How often the alarm for drift errs: on data without drift, and on shifts that are known."""
