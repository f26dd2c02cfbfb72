"""Figures: sizes, positions and pixel values."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from jlml.errors import UserError
from jlml.pictures.figures import as_png, manifold, mosaic, plane_of, posterior, scatter
from jlml.pictures.figures.mosaic import GAP, LINE
from jlml.pictures.figures.scatter import CHIP, apart
from jlml.pictures.figures.style import WIDTH


def test_a_mosaic_shows_every_image_at_its_position():
    images = torch.linspace(0, 1, 6).reshape(6, 1, 1, 1).expand(6, 1, 28, 28)
    picture = mosaic([("", images[:3]), ("", images[3:])])
    assert picture.dtype == np.uint8
    assert picture.shape == (GAP + 2 * (56 + GAP), WIDTH, 3)  # each pixel takes 2 x 2
    for number in range(6):
        row, column = divmod(number, 3)
        middle = picture[GAP + row * (56 + GAP) + 28, GAP + column * (56 + GAP) + 28]
        assert middle.tolist() == [round(255 * number / 5)] * 3
    titled = mosaic([("", images)], "a title")
    assert len(titled) == len(picture) - 56 - GAP + LINE
    assert (titled[:LINE] < 128).any()  # the header has text


def test_long_labels_are_above_their_row_and_wide_images_are_shrunk():
    images = torch.full((10, 1, 28, 28), 0.4)
    beside, above = (mosaic([(label, images)]) for label in ("mean", "a label without room"))
    assert len(above) == len(beside) + LINE
    assert (above[GAP + LINE + 28, GAP + 28] == 102).all()  # the first image starts at the left
    wrapped = mosaic([("a label that is wider than the picture " * 2, images)])
    assert wrapped.shape == (len(above) + LINE, WIDTH, 3)
    assert (wrapped[GAP + LINE : GAP + 2 * LINE] < 90).any()  # the second line has text
    wide = mosaic([("", torch.full((10, 3, 100, 200), 0.4))])
    assert wide.shape[1] == WIDTH
    assert (wide[20, 9 * 70 : 9 * 70 + 40] == 102).all()  # the tenth image is inside


def test_colours_are_shown_and_other_channels_refused():
    colours = torch.tensor([[1.0, 0.0, 0.2], [0.0, 0.6, 1.0]])
    images = colours[:, :, None, None].expand(2, 3, 28, 28)
    expected = colours.mul(255).round().tolist()
    picture = mosaic([("", images)])
    assert [picture[GAP + 6, GAP + left].tolist() for left in (4, 60 + GAP)] == expected
    plane = manifold(images[None], (0.0, 1.0), (0.0, 1.0), "title")
    assert [plane[350, left].tolist() for left in (250, 500)] == expected
    with pytest.raises(UserError, match="1 or 3 channels, and these have 2"):
        mosaic([("", images[:, :2])])


def test_names_of_classes_do_not_overlap_and_stay_inside():
    random = np.random.default_rng(0)
    places = np.concatenate([np.full((5, 2), 300.0), random.uniform(0, 600, (5, 2))])
    moved = apart(places, np.ones(10), np.zeros(2), np.full(2, 600.0))
    between = np.abs(moved[:, None] - moved).max(-1)[~np.eye(10, dtype=bool)]
    assert between.min() > 0.9 * CHIP
    assert (moved >= CHIP / 2).all()
    assert (moved <= 600 - CHIP / 2).all()
    alone = np.array([[100.0, 100.0], [400.0, 400.0]])
    assert np.abs(apart(alone, np.ones(2), np.zeros(2), np.full(2, 600.0)) - alone).max() < 0.01


def test_codes_of_more_than_two_dimensions_are_projected_by_pca():
    from sklearn.decomposition import PCA

    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(500, 5, generator=generator) * torch.tensor([1.0, 5.0, 0.1, 3.0, 0.5]) + 7
    plane = plane_of(codes)
    reference = PCA(2).fit(codes.numpy())
    expected = torch.from_numpy(reference.transform(codes.numpy())).float()
    torch.testing.assert_close(plane.points.abs(), expected.abs(), atol=1e-3, rtol=1e-3)
    for axis, share in zip(plane.axes, reference.explained_variance_ratio_, strict=True):
        assert f"{100 * share:.0f} % of variance" in axis


def test_2d_codes_are_drawn_as_they_are_and_1d_codes_against_their_rank():
    codes = torch.tensor([[3.0, 1.0], [2.0, 5.0], [1.0, 2.0]])
    assert torch.equal(plane_of(codes).points, codes)
    plane = plane_of(codes[:, :1])
    assert plane.points.tolist() == [[3, 1], [2, 0.5], [1, 0]]


@pytest.mark.parametrize("collapsed", [False, True])
def test_figures_of_collapsed_codes_can_be_drawn(collapsed):
    codes = torch.zeros(30, 3) if collapsed else torch.randn(30, 3)
    labels = torch.arange(30) % 10
    limits = ((-5.0, 5.0), (-5.0, 5.0))
    drawn = scatter(plane_of(codes), labels, [str(i) for i in range(10)], limits, "title")
    assert drawn.shape == (WIDTH, WIDTH, 3)
    assert posterior(codes.std(0), "title", kl=codes.var(0), posterior_std=codes.std(0)).std() > 0
    assert posterior(codes.std(0), "title").std() > 0


def test_the_manifold_puts_low_z2_at_the_bottom():
    images = torch.zeros(2, 3, 1, 4, 4)
    images[0] = 1  # the row of the lowest z2
    picture = manifold(images, (-1.0, 1.0), (-2.0, 2.0), "title")
    middle = picture[:, 400, 0]
    top, bottom = middle[100:300], middle[400:600]
    assert top.mean() < 10
    assert bottom.mean() > 245


def test_a_mark_in_the_plane_is_on_the_image_of_its_code():
    values = torch.linspace(0, 1, 12).reshape(3, 4)  # a different grey for each point of the grid
    images = values[:, :, None, None, None].expand(3, 4, 1, 5, 7)
    picture = manifold(images, (0.0, 3.0), (10.0, 12.0), "title", marks={"": (2.0, 11.0)}).astype(int)
    ring = np.argwhere(picture[..., 0] - picture[..., 2] > 100)
    row, column = ring.mean(0).round().astype(int)
    assert picture[row, column].tolist() == [round(255 * float(values[1, 2]))] * 3


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("small", [True, False])
def test_a_png_file_contains_the_exact_pixels(channels, small):
    random = np.random.default_rng(0)
    picture = np.broadcast_to(random.integers(0, 256, (20, 30, channels), dtype=np.uint8), (20, 30, 3))
    read = Image.open(BytesIO(as_png(picture, small)))
    assert np.array_equal(np.asarray(read.convert("RGB")), picture)
