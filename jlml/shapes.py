"""Names for tensor shapes that many files use. In the tests they are checked at run time."""

from jaxtyping import Float, Int64
from torch import Tensor

Images = Float[Tensor, "batch channel height width"]  # pixels in [0, 1], or their logits
Labels = Int64[Tensor, " batch"]  # classes from 0; -1 where an image has none
Codes = Float[Tensor, "batch latent"]
PerImage = Float[Tensor, " batch"]  # one number per image
