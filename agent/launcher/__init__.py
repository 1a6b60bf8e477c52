"""Starts the agent, and returns to the release before when a new one is not well. Standard library only."""
