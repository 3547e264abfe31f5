"""Real data sets: one file a loader, and how packages that carry them are fetched (``archives``)."""
