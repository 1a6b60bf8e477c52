"""What the controller decides: where things run, when they change, what each node is told. Pure."""
