"""Data: toy distributions with exact densities, and sets of small images. All as tensors."""
