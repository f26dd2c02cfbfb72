"""How the same training runs faster. Without this folder jlml would be as right, only slower.

The results are bit-identical, except those of `speed=fast`. The core knows nothing of it: `training/train.py`
calls `faster`, and the commands import torch by `startup`.
"""
