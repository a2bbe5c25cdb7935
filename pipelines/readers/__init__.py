"""What does a warehouse say? What readers see of it, questions, and how answers are shown."""
