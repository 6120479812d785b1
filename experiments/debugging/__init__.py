"""Claims about finding faults: what a lecture's checklist shows, and what the doctor makes of it."""
