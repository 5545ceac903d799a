"""What everything stands on, and nothing in it knows a network: float type, random numbers, rows, programs, files."""
