"""What a user passes to `encode` and `decode` is checked."""

import pytest
import torch

from jlml.errors import UserError
from jlml.shapes import check_codes, check_images

SHAPE = (1, 28, 28)


@pytest.mark.parametrize(
    ("images", "given"),
    [
        (torch.full((2, 1, 28, 28), 255, dtype=torch.uint8), r"uint8 values from 255 to 255 of shape \(2, 1"),
        (torch.full((2, 1, 28, 28), 255.0), "float32 values from 255 to 255"),
        (torch.full((2, 1, 28, 28), -0.1), "from -0.1 to -0.1"),
        (torch.full((2, 1, 28, 28), float("nan")), "from nan to nan"),
        (torch.zeros(2, 28, 28), r"of shape \(2, 28, 28\)"),
        (torch.zeros(2, 1, 32, 32), r"of shape \(2, 1, 32, 32\)"),
        (torch.zeros(0, 1, 32, 32), r"float32 values of shape \(0, 1, 32, 32\)"),
    ],
)
def test_images_of_another_type_range_or_shape_are_refused(images, given):
    with pytest.raises(UserError, match=f"{given}.*expected floats in .0, 1. of shape .N, 1, 28, 28.\\.$"):
        check_images(images, SHAPE)


@pytest.mark.parametrize("images", [torch.zeros(0, 1, 28, 28), torch.rand(3, 1, 28, 28)])
def test_images_of_the_model_are_accepted(images):
    check_images(images, SHAPE)


@pytest.mark.parametrize("codes", [torch.zeros(3), torch.zeros(3, 4), torch.zeros(3, 2, dtype=torch.int64)])
def test_codes_of_another_type_or_shape_are_refused(codes):
    with pytest.raises(UserError, match=r"expected floats of shape \(N, 2\)\.$"):
        check_codes(codes, 2)


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_a_model_checks_images_and_codes(runs, name):
    model = runs[name].load_model()
    with pytest.raises(UserError, match="are not images of this model"):
        model.encode(torch.full((2, *model.image_shape), 255.0))
    with pytest.raises(UserError, match="are not codes of this model"):
        model.decode(torch.zeros(2, model.latent_dim + 1))
