"""Stands in for the package cloudevents, where it isn't installed."""
