"""Real hosts on one machine: what `make demo` and tests/lab stand on.

A `Site` is one run: a network of its own, a temporary directory, and on them a real broker, a real registry and
hosts with their own Docker Engine, link, /run and /etc, which can be cut, killed and powered off at will. A run owns
exactly what carries its name, so that it can be removed whole, also by somebody else (`python -m lab.sweep`), and
two runs side by side never meet. Nothing that a run did not start or make is ever touched.
"""
