# %% [markdown]
# # From training to comparison
#
# A VAE and an autoencoder on 5,000 images of MNIST, about a minute on 2 cores. Everything here is also a
# command: `python train.py`, `python evaluate.py`.

# %%
from pathlib import Path

import jlml

OUTPUTS = Path("outputs/tour")
COMMON = ["data=mnist_5k", "loss=bce", "latent=d2", "trainer.max_epochs=10", "callbacks=none"]

# %% [markdown]
# ## Train
#
# Overrides are those of `train.py`. The same ones give the same weights, bit for bit.

# %%
vae = jlml.train("model=vae", *COMMON, parent=OUTPUTS).run

# %%
ae = jlml.train("model=ae", *COMMON, parent=OUTPUTS).run

# %% [markdown]
# ## Images and codes
#
# The exact test images of a run, and its model: an ordinary PyTorch module.

# %%
images, labels = jlml.images(vae)
model = jlml.load(vae.path)
codes = model.encode(images)
images.shape, codes.shape

# %%
jlml.plots.reconstructions(vae)

# %%
jlml.plots.latent_scatter(vae)

# %% [markdown]
# ## Move through the codes
#
# What lies between two images, along one dimension, or far outside of where codes are?

# %%
jlml.plots.interpolation(vae, start=0, end=1)

# %%
jlml.plots.traversal(vae, image=0)

# %%
jlml.plots.decoded_plane(vae, x=(-3, 3), y=(-3, 3))

# %%
jlml.plots.samples(vae)

# %% [markdown]
# ## An image of your own
#
# Image files are brought to the size and range of the run's data.

# %%
file = OUTPUTS / "mine.png"
jlml.plots.latent_scatter(vae).savefig(file)  # any picture will do
mine = jlml.prepare(vae, [file])
model.decode(model.encode(mine)).shape

# %% [markdown]
# ## Evaluate and compare
#
# `evaluate` writes the report, `compare` a page about several runs. Both return the numbers.

# %%
evaluation = jlml.evaluate(vae, parts=["reconstruction", "codes"])
evaluation.metrics["reconstruction/mse"], evaluation.metrics["codes/knn_5"]

# %%
comparison = jlml.compare([vae, ae], parts=["reconstruction", "codes"])
comparison.folder / "comparison.html"

# %%
jlml.find_runs(OUTPUTS)[["model", "seed", "test/loss", "test/mse"]]
