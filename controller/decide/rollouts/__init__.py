"""*When* a revision arrives on each node: updates, what came before them, and what an operator sees and does of them. Pure."""
