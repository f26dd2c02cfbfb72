"""The loss is the density that it claims to be, and a trained model beats the mean image."""

import jlml
import torch
from my_project.loss import Laplace


def test_the_loss_is_a_negative_log_likelihood():
    images, logits = torch.rand(5, 1, 4, 4), torch.randn(5, 1, 4, 4)
    expected = torch.distributions.Laplace(logits.sigmoid(), 0.1).log_prob(images)
    torch.testing.assert_close(Laplace(0.1).nll(logits, images), -expected.sum((1, 2, 3)))


def test_a_trained_model_reconstructs_better_than_the_mean_image(tmp_path):
    trained = jlml.train(
        "experiment=mine", "trainer.max_epochs=10", "callbacks=none", parent=tmp_path, progress=[]
    )
    images, _ = jlml.images(trained.run, trust=True)
    assert trained.metrics["test/mse"] < images.var(0, correction=0).mean()
