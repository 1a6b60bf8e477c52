"""Where the controller touches the world beside its link and its store."""
