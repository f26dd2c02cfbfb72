"""Losses of users that do not return one number per image are refused before anything is written."""

import pytest

import jlml
from conftest import QUICK
from jlml.errors import UserError
from jlml.losses import Bernoulli


class MeanOverAll(Bernoulli):
    def nll(self, logits, images):
        return super().nll(logits, images).mean()


class NoSum(Bernoulli):
    def nll(self, logits, images):
        return (logits - images).square()


class Fails(Bernoulli):
    def nll(self, logits, images):
        raise ValueError("no good")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("MeanOverAll", r"MeanOverAll.nll returns the shape \(\), expected one number per image"),
        ("NoSum", r"NoSum.nll returns the shape \(2, 1, 28, 28\), expected one number per image"),
        ("Fails", r"Fails.nll fails on 2 images: no good; expected one number per image"),
    ],
)
def test_a_loss_without_one_number_per_image_is_refused_and_nothing_is_written(loss, message, tmp_path):
    overrides = ("model=vae", "loss=bce", f"loss._target_={__name__}.{loss}", *QUICK)
    with pytest.raises(UserError, match=message):
        jlml.train(*overrides, parent=tmp_path)
    assert not list(tmp_path.iterdir())
