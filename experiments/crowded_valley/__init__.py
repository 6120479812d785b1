"""Fifteen rules, four schedules, eight small problems and four budgets of tuning: how much which rule one takes matters."""
