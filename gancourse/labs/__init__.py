"""Live panels: thin controls around plain objects that train and draw."""
