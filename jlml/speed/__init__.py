"""Optional code that makes the same training faster.

The results are equal bit for bit, except with `speed=fast`. The rest of jlml does not depend on this folder:
only `training/train.py` calls `faster`, and the commands import torch through `startup`.
"""
