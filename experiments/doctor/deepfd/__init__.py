"""Real faults: the programs of DeepFD's benchmark (Cao+ 2022), made again from their descriptions, each with its repair."""
