"""Stands in for Spin's SDK, whose own package needs a WebAssembly host."""
