"""The commands `train.py` and `evaluate.py`: arguments, messages and tables."""
