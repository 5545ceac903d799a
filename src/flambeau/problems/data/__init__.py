"""Data sets: bundled, generated, or fetched from their public source and checked."""
