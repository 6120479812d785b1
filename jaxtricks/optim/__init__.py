"""Update rules, schedules, and the chain in its fixed order, on Optax."""
