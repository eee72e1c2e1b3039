"""Numbers that judge samples: exact distances, divergences, and a classifier of digits."""
