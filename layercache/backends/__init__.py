"""Where the knowledge of a cache is kept."""
