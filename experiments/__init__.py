"""Claims, benchmarks and the demo."""
