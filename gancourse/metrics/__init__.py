"""Numbers that judge samples: exact distances, divergences, a classifier of digits, and what it says of a set."""
