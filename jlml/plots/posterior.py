"""How much each latent dimension carries."""

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from jlml.plots.canvas import Picture, rendered


def posterior(
    code_std: Float[Tensor, " latent"],
    title: str,
    kl: Float[Tensor, " latent"] | None = None,
    posterior_std: Float[Tensor, " latent"] | None = None,
) -> Picture:
    """Bars by latent dimension, the most informative first.

    Args:
        code_std: standard deviation of the codes over images.
        title: what is shown, and when.
        kl: KL to the prior in nats, averaged over images; None for a model without a posterior.
        posterior_std: root mean variance of the posterior; near 1 with a code_std near 0 is collapse.
    """
    order = (code_std if kl is None else kl).cpu().argsort(descending=True)
    places = torch.arange(1, len(order) + 1).numpy()
    panels = 1 if kl is None else 2
    figure = Figure(figsize=(5.5 * panels, 4), dpi=100)
    left = 0.075 if panels == 2 else 0.13
    figure.subplots_adjust(left=left, right=0.98, bottom=0.13, top=0.84, wspace=0.2)  # no slow layout engine
    figure.suptitle(title)
    spread = figure.add_subplot(1, panels, panels)
    spread.bar(places, code_std.cpu()[order].numpy(), color="C0", label="of the codes, over images")
    if posterior_std is not None:
        spread.plot(places, posterior_std.cpu()[order].numpy(), "C1_", ms=14, mew=2, label="of the posterior")
        spread.axhline(1, color="grey", lw=1, ls=":", label="of the prior")
    spread.set(ylabel="standard deviation", ylim=(0, None))
    spread.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize="small")
    if kl is not None:
        information = figure.add_subplot(1, panels, 1)
        information.bar(places, kl.cpu()[order].numpy(), color="C2")
        information.set(ylabel="KL to the prior (nats)", ylim=(0, None))
    for axes in figure.axes:
        axes.set_xlabel("latent dimension, by rank" if len(order) > 16 else "latent dimension")
        if len(order) <= 16:
            axes.set_xticks(places, [f"z{int(dim) + 1}" for dim in order])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return rendered(figure)
