"""Names for common tensor shapes, which the tests check at run time, and checks of what a user passes in."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jlml.errors import UserError

Images = Float[Tensor, "batch channel height width"]  # pixels in [0, 1], or their logits
Labels = Int64[Tensor, " batch"]  # classes from 0; -1 for an image without a class
Codes = Float[Tensor, "batch latent"]
PerImage = Float[Tensor, " batch"]  # one number per image


def check_images(images: Tensor, image_shape: tuple[int, int, int]) -> None:
    """Refuses anything but floats in [0, 1] of shape (N, *image_shape).

    Raises:
        UserError: the message says what was given and what is expected.
    """
    if torch.compiler.is_exporting():  # traced images have no values
        return
    right = images.is_floating_point() and images.shape[1:] == torch.Size(image_shape)
    if not right or not ((images >= 0) & (images <= 1)).all():
        shape = ", ".join(map(str, ("N", *image_shape)))
        raise UserError(
            f"{described(images)} are not images of this model: expected floats in [0, 1] of shape ({shape})."
        )


def check_codes(codes: Tensor, latent_dim: int) -> None:
    """Refuses anything but floats of shape (N, latent_dim).

    Raises:
        UserError: the message says what was given and what is expected.
    """
    if not codes.is_floating_point() or codes.dim() != 2 or codes.shape[1] != latent_dim:
        raise UserError(
            f"{described(codes)} are not codes of this model: expected floats of shape (N, {latent_dim})."
        )


def described(values: Tensor) -> str:
    """Type, shape and range of values, for a message."""
    limits = f" from {values.min():.4g} to {values.max():.4g}" if values.numel() else ""
    return f"{str(values.dtype).removeprefix('torch.')} values{limits} of shape {tuple(values.shape)}"
