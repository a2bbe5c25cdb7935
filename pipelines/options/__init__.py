"""What does a person want of a program? Flags, files that they name, and what they mean."""
