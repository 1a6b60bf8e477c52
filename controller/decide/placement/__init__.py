"""*Where* each task runs, and when it leaves for another node. Pure."""
