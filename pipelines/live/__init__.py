"""What is going on right now? Keys of the live store, what they say, and a screen for it."""
