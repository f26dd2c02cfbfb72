"""Every key of jlml's own config groups: type, range, default and meaning, in one place.

Hydra composes configs from these defaults and the files in `conf/`. `check` refuses what does not fit, and
`--help` prints the meanings. Groups whose files name a class (`_target_`) also take the options of the class;
their defaults are in their files.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


@dataclass(frozen=True)
class Expected:
    """What a value may be, in words, where the type does not tell."""

    words: str


def distinct(values: list[int]) -> list[int]:
    """Refuses a list in which a number stands twice."""
    if len(set(values)) < len(values):
        raise ValueError
    return values


Count = Annotated[int, Ge(1)]
NotNegative = Annotated[int, Ge(0)]
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
Positive = Annotated[float, Gt(0)]
Class = Annotated[int, Ge(0), Le(9)]
FileName = Annotated[
    str, Field(pattern=r"^[\w+-][\w.+-]*$"), Expected("a name of letters, digits and the signs _ + - .")
]
NoneIfEmpty = BeforeValidator(lambda node: node or None)  # the choice `none` of a group has no keys
Text = Annotated[str, Field(pattern=r"\S"), Expected("a text that is not empty")]
Folder = Annotated[str | int, Expected("the path of a folder")]  # Hydra makes numbers of some names


def key(default: Any, meaning: str) -> Any:
    """A key with its default and a line on what it means."""
    return Field(default, description=meaning)


def option(meaning: str) -> Any:
    """A key whose default stands in the file of each choice."""
    return Field(None, description=meaning)


class Keys(BaseModel):
    """Keys of jlml's own: no others are allowed."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Options(BaseModel):
    """Options of a class that the node names. `check_options` compares them with what the class takes."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False, defer_build=True)

    target: Text = Field(alias="_target_", description="the class, by its dotted path")


class Data(Options):
    """The group `data`."""

    name: Text = Field(description="mnist, mnist_5k or fashion_mnist")
    root: Text = option("folder that holds MNIST/raw; downloads go there")
    fallback: bool = option("train on mnist_5k, with a warning, if MNIST can be neither found nor downloaded")
    seed: Seed = option("of the split, the order of images and every drawn pixel")
    batch_size: Count = Field(description="training images per batch")
    eval_batch_size: Count = option("validation or test images per batch")
    image_size: Annotated[int, Ge(4), Le(512)] | None = option("pixels per side; null for images as they are")
    fit: Literal["pad", "resize"] = option("how to reach image_size")
    pixels: Literal["grey", "dequantized", "binarized"] = Field(
        description="grey: x / 255; dequantized: (x + U[0,1)) / 256; binarized: Bernoulli(x / 255)"
    )
    subset: Count | None = option("number of training images; null for all")


class Model(Options):
    """The group `model`."""

    hidden: list[Count] = option("layer widths between image and code; the decoder uses them in reverse")
    channels: list[Count] = option("after each convolution but the last")
    code: Literal["dense", "spatial"] = option("dense: a linear layer to the code; spatial: the last maps")
    dense_channels: Count = option("of the last convolution if the code is dense")
    beta: Annotated[float, Ge(0)] = option("weight of the KL; 1 makes the loss the negative ELBO")
    kl_warmup_epochs: NotNegative = option("epochs over which the KL weight rises from 0 to beta")


class Loss(Options):
    """The group `loss`."""

    scale: Positive = option("standard deviation of a pixel in [0, 1]")
    link: Literal["sigmoid", "identity"] = option("from logit to mean")
    limit: Annotated[float, Ge(0), Lt(0.5)] = option("lambda stays in [limit, 1 - limit]")


class Latent(Keys):
    """The group `latent`."""

    dim: Count = Field(description="number of latent dimensions")


class Optimizer(Options):
    """The group `optimizer`."""

    lr: Positive = option("learning rate")
    weight_decay: Annotated[float, Ge(0)] = option("factor of the weights")


class Scheduler(Options):
    """The group `scheduler`."""

    interval: Literal["epoch", "step"] = option("when it steps; epoch if it is not set")
    T_max: Count = option("epochs, or steps, until the end of the decay")
    total_iters: Count = option("epochs, or steps, until the end of the warm-up")
    factor: Annotated[float, Gt(0), Lt(1)] = option("of the learning rate after a plateau")
    patience: NotNegative = option("epochs without a better val/loss that make a plateau")


class Trainer(Options):
    """The group `trainer`: options of `lightning.Trainer`."""

    max_epochs: Count = Field(description="epochs of training")
    accelerator: Text = option("cpu, gpu or auto")
    devices: Annotated[
        Count | Annotated[list[NotNegative], Len(1), AfterValidator(distinct)],
        Expected("an integer >= 1, or the numbers of different devices, for example [0,1]"),
    ] = option("number of devices per machine, or which ones")
    num_nodes: Count = option("number of machines")
    strategy: Literal["auto", "ddp"] = option("ddp: several processes share every batch")
    precision: Literal["32-true", "bf16-mixed"] = option("of the arithmetic")
    gradient_clip_val: Positive | None = option("largest norm of the gradient, in nats; null for no limit")
    gradient_clip_algorithm: Literal["norm"] | None = option("what is limited")
    deterministic: bool | Literal["warn"] = option("the same command gives the same weights")
    log_every_n_steps: Count = option("training steps per point of a curve")
    limit_train_batches: Positive = option("batches per epoch, or a fraction of them")
    limit_val_batches: Positive = option("likewise, of validation")
    limit_test_batches: Positive = option("likewise, of the test")
    num_sanity_val_steps: NotNegative = option("batches of validation before training")
    enable_model_summary: bool = option("print a table of the layers")
    detect_anomaly: bool = option("stop at the first NaN in a backward pass")
    # the best checkpoint is chosen after whole epochs, each with a validation
    enable_checkpointing: Literal[True] = option("jlml keeps the best and the last checkpoint")
    barebones: Literal[False] = option("jlml needs loggers and checkpoints")
    max_steps: Literal[-1] = option("use max_epochs")
    fast_dev_run: Literal[False] = option("use trainer=debug")
    check_val_every_n_epoch: Literal[1] = option("every epoch is validated")
    val_check_interval: Literal[1] = option("every epoch is validated once, at its end")
    accumulate_grad_batches: Literal[1] = option("use a larger data.batch_size")


class Speed(Keys):
    """The group `speed`: how the same training runs faster."""

    loop: bool = key(True, "jlml's training loop instead of Lightning's: equal weights, less work per step")
    flush_denormals: bool = key(True, "denormal numbers become zero: equal weights, faster on Intel")
    compile: bool = key(False, "compile the forward pass, for some seconds before the first step")
    cuda_graphs: bool = key(False, "record steps on a GPU as CUDA graphs and replay them")
    onednn: bool = key(
        False, "float32 products by oneDNN where it is faster than MKL: on AMD's Zen 5 and later"
    )


class Callback(Options):
    """A node of the group `callbacks`."""

    every: Count | None = option("epochs between two pictures; null for the end of the run only")
    images: Count = option("number of validation images")
    per_class: Count = option("images per class")
    pairs: Annotated[
        list[Annotated[list[Class], Len(2, 2)]],
        Expected("a list of pairs of classes, for example [[4,9],[3,8]]"),
    ] = option("of classes")
    steps: Annotated[int, Ge(2)] = option("images from one end of a line to the other")
    rows: Count = option("of samples")
    columns: Count = option("of samples")
    side: Annotated[int, Ge(2)] = option("images along each axis")


class Checkpoints(Keys):
    """`checkpoints`: when the whole state of training is saved, besides after every epoch."""

    steps: Count | None = key(None, "training steps between two checkpoints; null for none")
    minutes: Positive | None = key(5, "minutes between two checkpoints; null for none")


class Sweep(Keys):
    """`sweep`: of train.py -m."""

    name: FileName | None = key(
        None, "folder under <output_dir>/sweeps; null for one made from the arguments"
    )
    rank: Literal["val/mse", "val/bce", "val/loss", "val/nll"] = key("val/mse", "order of the table of jobs")
    retry: bool = key(False, "try failed jobs again")


class Search(Keys):
    """The group `search`."""

    name: FileName | None = key(None, "folder under <output_dir>/searches; null for one made from the ranges")
    trials: Count = key(20, "of the whole search, whatever the number of processes")
    metric: Text = key("val/loss", "of each trial's best checkpoint: val/mse, val/bce, val/elbo, ...")
    direction: Literal["minimize", "maximize"] = key("minimize", "which end of the metric is better")
    startup_trials: Count = key(5, "drawn at random; none is pruned before they are complete")
    pruning: bool = key(True, "stop a trial that is worse than the median of the others at the same epoch")
    warmup_epochs: NotNegative = key(1, "of each trial, before it may be pruned")
    seed: Seed = key("${seed}", "of the values that are tried")
    storage: Any = key("${oc.env:JLML_SEARCH_STORAGE,null}", "null: a journal file; or the URL of a database")
    ranges: dict[str, Any] = key({}, "by config key or group: {low, high, step, log}, or a list of choices")


class Train(Keys):
    """The config of `train.py`."""

    seed: Seed = key(0, "of weights, split, order of images and every other draw")
    output_dir: Text = key("outputs", "run folders are created here")
    draw_every: Count | None = key(5, "epochs between two pictures of each kind; null for the end only")
    threads: Annotated[int, Ge(1), Le(1024)] | None = key(None, "cores of this process; null for all")
    early_stopping: Count | None = key(None, "stop after this many epochs without a better val/loss")
    resume: Folder | None = key(None, "a run folder: train it to its end, with its own config")
    trust: bool = key(False, "resume a run whose config names classes outside jlml, torch and lightning")
    checkpoints: Checkpoints = Checkpoints()
    sweep: Sweep = Sweep()
    data: Data = Field(description="")
    model: Model = Field(description="")
    loss: Loss = Field(description="")
    latent: Latent = Field(description="")
    optimizer: Optimizer = Field(description="")
    scheduler: Annotated[Scheduler | None, NoneIfEmpty] = None
    trainer: Trainer = Field(description="")
    speed: Speed = Field(description="")
    callbacks: dict[str, Callback] | None = None
    logger: Annotated[Options | None, NoneIfEmpty] = None
    search: Search | None = None
    # added when the config is composed, and when the data are read
    choices: dict[str, str] = {}
    changes: list[str] = []
    image_shape: list[int] = []


class Plane(Keys):
    """`plane`: the plane of codes that an evaluation decodes."""

    axes: (
        Annotated[
            Annotated[list[Count], Len(2, 2), AfterValidator(distinct)],
            Expected("two different integers >= 1, for example [1,2]"),
        ]
        | None
    ) = key(None, "two latent dimensions, for example [1,2]; null for those that vary most")
    images: (
        Annotated[
            Annotated[list[NotNegative], Len(3, 3), AfterValidator(distinct)],
            Expected("three different integers >= 0, for example [0,1,2]"),
        ]
        | None
    ) = key(None, "three test images, for example [0,1,2]; null for three classes")


class EvaluationData(Keys):
    """`data` of an evaluation."""

    root: Text | None = key("${oc.env:JLML_DATA,null}", "where the data are now; null for where they were")


class Evaluate(Keys):
    """The config of `evaluate.py`. The run says the rest."""

    run: Folder | None = key(None, "one run: its folder, or a checkpoint file in it")
    runs: (
        Annotated[
            str | int | list[str | int],
            Expected("a folder, a glob, or a list of folders, 'runs=[one,other]'"),
        ]
        | None
    ) = key(None, "several runs: a list of folders, a folder that holds them, or a glob")
    sweep: Folder | None = key(None, "the folder of a sweep: its finished runs")
    checkpoint: Literal["best", "last"] = key("best", "which checkpoint")
    parts: Any = key(None, "for example [reconstruction,codes]; null for all, of several runs all but tsne")
    reuse: bool = key(True, "several runs: take over what is evaluated already")
    output_dir: Text | None = key(
        None, "several runs: where the comparison goes; null for a folder beside them"
    )
    device: Literal["cpu", "gpu"] = key("cpu", "where it is computed")
    seed: Seed = key(0, "of every draw")
    batch_size: Count = key(1000, "images at once; changes no number")
    importance_samples: Count = key(100, "draws per image for the bounds on log p(x)")
    samples: Count = key(10000, "generated images per sampler; at most the number of test images")
    tsne_images: Count = key(5000, "test images that t-SNE maps")
    plane: Plane = Plane()
    data: EvaluationData = EvaluationData()
    trust: bool = key(
        False, "instantiate classes outside jlml, torch and lightning that a run's config names"
    )
    choices: dict[str, str] = {}
    changes: list[str] = []
