"""Where the agent touches the world. What fails there comes back as a value with a sentence."""
