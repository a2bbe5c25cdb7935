"""How does a running program tell how it is doing? Figures, health, logs and progress."""
