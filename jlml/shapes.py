"""Names for common tensor shapes. The tests check them at run time."""

from jaxtyping import Float, Int64
from torch import Tensor

Images = Float[Tensor, "batch channel height width"]  # pixels in [0, 1], or their logits
Labels = Int64[Tensor, " batch"]  # classes from 0; -1 for an image without a class
Codes = Float[Tensor, "batch latent"]
PerImage = Float[Tensor, " batch"]  # one number per image
