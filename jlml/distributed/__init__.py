"""Several processes of one run. `training/train.py` calls it; nothing else knows of it."""
