"""Does a range test's interval hold the rate that is best in a sweep? Tuning tasks, and others to judge on."""
