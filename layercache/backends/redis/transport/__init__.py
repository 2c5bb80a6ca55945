"""The connection to a Redis: from a URL to bytes, and back."""
