"""One training run: from a config to a run folder, and how it resumes."""
