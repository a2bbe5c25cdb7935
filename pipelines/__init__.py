"""How it runs: options, inputs, outputs, the graph, and the programs a person starts."""

VERSION = "0.1.0"
