"""One training run: trains a config into a run folder, and resumes it."""
