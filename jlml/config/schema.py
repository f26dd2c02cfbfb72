"""The schema of all configs: type, range, default and meaning of every key.

Hydra composes configs from these defaults and the files in `conf/`. `check` refuses invalid values, and
`--help` prints the meanings. A group whose files name a class (`_target_`) also takes the options of that
class; its defaults are in its files.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


@dataclass(frozen=True)
class Expected:
    """A phrase for the allowed values of a type, where the type alone does not describe them."""

    phrase: str


def distinct(values: list[int]) -> list[int]:
    """Refuses a list with equal numbers."""
    if len(set(values)) < len(values):
        raise ValueError
    return values


def ascending(values: list[float]) -> list[float]:
    """Refuses numbers that are not in ascending order."""
    if not all(low < high for low, high in pairwise(values)):
        raise ValueError
    return values


Count = Annotated[int, Ge(1)]
Every = Annotated[Literal["auto"] | Count | None, Expected("an integer >= 1, auto, or null")]
NotNegative = Annotated[int, Ge(0)]
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
Positive = Annotated[float, Gt(0)]
Class = Annotated[int, Ge(0), Le(9)]
Range = Annotated[
    Annotated[list[float], Len(2, 2), AfterValidator(ascending)],
    Expected("two ascending numbers, for example [-10,10]"),
]
FileName = Annotated[
    str, Field(pattern=r"^[\w+-][\w.+-]*$"), Expected("a name of letters, digits and the characters _ + - .")
]
Size = Annotated[
    Count | Annotated[float, Gt(0), Lt(1)] | None,
    Expected("an integer >= 1, a fraction between 0 and 1, or null"),
]
NoneIfEmpty = BeforeValidator(lambda node: node or None)  # the choice `none` of a group is an empty node
Name = Annotated[
    str, Field(pattern=r"\S", max_length=60), Expected("a text of at most 60 characters, not empty")
]
Text = Annotated[str, Field(pattern=r"\S"), Expected("a text that is not empty")]
Folder = Annotated[str | int, Expected("the path of a folder")]  # Hydra parses some names as numbers


OUTPUTS = "outputs"  # where run folders are created and found


def key(default: Any, meaning: str) -> Any:
    """A key with a default and a one-line meaning."""
    return Field(default, description=meaning)


def option(meaning: str) -> Any:
    """A key whose default is in the file of each choice."""
    return Field(None, description=meaning)


class Keys(BaseModel):
    """Base class for keys of jlml itself; other keys are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Options(BaseModel):
    """Base class for the options of a class in `_target_`, which `check_options` compares with the class."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False, defer_build=True)

    target: Text = Field(alias="_target_", description="dotted path of the class")


class Data(Options):
    """The group `data`."""

    name: Text | None = option("name of the data in tables and folders; null: that of their folder or file")
    root: Text = option("folder of the images; for downloaded data, the folder of all of them")
    path: Text = option("data=npz: file with images")
    dataset: Text = option("data=torchvision: name of a class of torchvision.datasets, for example KMNIST")
    options: dict[str, Any] = option(
        "data=torchvision: arguments of this class, for example {split: letters}"
    )
    channels: Literal[1, 3] | None = option("data=folder: 1 for grey, 3 for colour; null: as the files are")
    background: Annotated[int, Ge(0), Le(255)] = option("data=folder: what is behind transparent pixels")
    images: Count = option("data=sprites: number of images")
    fallback: bool | None = option(
        "train on mnist_5k, with a warning, if MNIST is missing; null: only if root is its default"
    )
    seed: Seed = option("seed of the split, the order of images and the random pixels")
    batch_size: Count = Field(description="training images per batch")
    eval_batch_size: Count = option("validation or test images per batch")
    image_size: Annotated[int, Ge(4), Le(512)] | None = option(
        "pixels per side; null keeps the original size"
    )
    fit: Literal["pad", "crop", "resize"] = option(
        "how to reach image_size: pad with black, crop the longer side, or stretch to a square"
    )
    pixels: Literal["grey", "dequantized", "binarized"] = Field(
        description="grey: x / 255; dequantized: (x + U[0,1)) / 256; binarized: Bernoulli(x / 255)"
    )
    validation_size: Size = option(
        "validation images, or their fraction of the training images; null: 5,000 or a tenth"
    )
    test_size: Size = option("test images, or their fraction, for data without a test set; null: a tenth")
    subset: Count | None = option(
        "at most this many images for training, validation and test each; null: all"
    )


class Model(Options):
    """The group `model`."""

    hidden: list[Count] = option("layer widths between image and code; the decoder uses them in reverse")
    channels: list[Count] = option("output channels of each convolution that an activation follows")
    code: Literal["dense", "spatial"] = option(
        "dense: linear layers to the code; spatial: one more convolution"
    )
    dense_channels: Count | None = option("output channels of one more convolution before a dense code")
    activation: Literal["relu", "silu", "tanh", "elu"] | None = option(
        "null: the network's own default, relu"
    )
    norm: Literal["none", "batch", "maps"] | None = option(
        "batch: batch norm after every layer; maps: after convolutions only; null: the network's own default"
    )
    dropout: Annotated[float, Ge(0), Lt(1)] | None = option("probability of a zero; null: 0")
    init: Literal["torch", "he"] | None = option("initial weights; null: torch, as PyTorch draws them")
    beta: Annotated[float, Ge(0)] = option("weight of the KL; 1 makes the loss the negative ELBO")
    kl_warmup_epochs: NotNegative = option("epochs over which the KL weight rises from 0 to beta")


class Loss(Options):
    """The group `loss`."""

    scale: Positive = option("standard deviation of a pixel in [0, 1]")
    link: Literal["sigmoid", "identity"] = option("function from logit to mean")
    limit: Annotated[float, Ge(0), Lt(0.5)] = option("keeps lambda in [limit, 1 - limit]")


class Latent(Keys):
    """The group `latent`."""

    dim: Count = Field(description="number of latent dimensions")


class Optimizer(Options):
    """The group `optimizer`."""

    lr: Positive = option("learning rate")
    weight_decay: Annotated[float, Ge(0)] = option("coefficient of the weight decay")


class Scheduler(Options):
    """The group `scheduler`."""

    interval: Literal["epoch", "step"] = option("when the scheduler steps; default epoch")
    T_max: Count = option("epochs or steps until the end of the decay")
    total_steps: Count | None = option("steps until the end of the cycle; null: those of the run")
    max_lr: Positive = option("highest learning rate")
    total_iters: Count = option("epochs or steps until the end of the warm-up")
    factor: Annotated[float, Gt(0), Lt(1)] = option("multiplies the learning rate after a plateau")
    patience: NotNegative = option("epochs without a better val/loss before a plateau")


class Trainer(Options):
    """The group `trainer`: options of `lightning.Trainer`."""

    max_epochs: Count = Field(description="number of training epochs")
    accelerator: Text = option("cpu, gpu or auto")
    devices: Annotated[
        Count | Annotated[list[NotNegative], Len(1), AfterValidator(distinct)],
        Expected("an integer >= 1, or the numbers of different devices, for example [0,1]"),
    ] = option("number of devices per machine, or which ones")
    num_nodes: Count = option("number of machines")
    strategy: Literal["auto", "ddp"] = option("ddp: several processes share every batch")
    precision: Literal["32-true", "bf16-mixed"] = option("floating-point precision")
    gradient_clip_val: Positive | None = option("largest norm of the gradient, in nats; null for no limit")
    gradient_clip_algorithm: Literal["norm"] | None = option("what gradient_clip_val limits")
    deterministic: bool | Literal["warn"] = option(
        "the same command gives the same weights: true, false, or warn (only warns)"
    )
    log_every_n_steps: Count = option("training steps per logged point")
    limit_train_batches: Positive = option("training batches per epoch, or a fraction of them")
    limit_val_batches: Positive = option("validation batches, or a fraction of them")
    limit_test_batches: Positive = option("test batches, or a fraction of them")
    num_sanity_val_steps: NotNegative = option("validation batches before training")
    enable_model_summary: bool = option("print a table of the layers")
    detect_anomaly: bool = option("stop at the first NaN in a backward pass")
    # fixed options: jlml validates once, at the end of each epoch, and then chooses the best checkpoint
    enable_checkpointing: Literal[True] = option("jlml keeps the best and the last checkpoint")
    barebones: Literal[False] = option("jlml needs loggers and checkpoints")
    max_steps: Literal[-1] = option("use max_epochs")
    fast_dev_run: Literal[False] = option("use trainer=debug")
    check_val_every_n_epoch: Literal[1] = option("every epoch is validated")
    val_check_interval: Literal[1] = option("every epoch is validated once, at its end")
    accumulate_grad_batches: Literal[1] = option("use a larger data.batch_size")


class Speed(Keys):
    """The group `speed`: options that make the same training faster."""

    loop: bool = key(True, "jlml's training loop instead of Lightning's: equal weights, less work per step")
    flush_denormals: bool = key(True, "flush denormal numbers to zero: equal weights, faster on Intel")
    compile: bool = key(False, "compile the forward pass, which takes some seconds before the first step")
    cuda_graphs: bool = key(False, "record steps on a GPU as CUDA graphs and replay them")
    onednn: bool = key(
        False, "use oneDNN for float32 products where it is faster than MKL: on AMD's Zen 5 and later"
    )


class Callback(Options):
    """A node of the group `callbacks`."""

    every: Every = option("epochs between two pictures; auto for a growing interval; null for the end only")
    images: Count = option("number of validation images")
    per_class: Count = option("images per class")
    pairs: Annotated[
        list[Annotated[list[Class], Len(2, 2)]],
        Expected("a list of pairs of classes, for example [[4,9],[3,8]]"),
    ] = option("pairs of classes")
    steps: Annotated[int, Ge(2)] = option("images per interpolation, both ends included")
    rows: Count = option("rows of samples")
    columns: Count = option("columns of samples")
    side: Annotated[int, Ge(2)] = option("images along each axis")


class Checkpoints(Keys):
    """`checkpoints`: when the training state is saved within an epoch. It is always saved after an epoch."""

    steps: Count | None = key(None, "training steps between two checkpoints; null for none")
    minutes: Positive | None = key(5, "minutes between two checkpoints; null for none")


class Sweep(Keys):
    """`sweep`: options of train.py -m."""

    name: FileName | None = key(
        None, "folder under <output_dir>/sweeps; null for a name made from the overrides"
    )
    rank: Literal["val/mse", "val/bce", "val/loss", "val/nll"] = key("val/mse", "metric that ranks the jobs")
    retry: bool = key(False, "try failed jobs again")


class Search(Keys):
    """The group `search`."""

    name: FileName | None = key(
        None, "folder under <output_dir>/searches; null for a name made from the ranges"
    )
    trials: Count = key(20, "number of trials of all processes together")
    metric: Text = key("val/loss", "metric of each trial's best checkpoint: val/mse, val/bce, val/elbo, ...")
    direction: Literal["minimize", "maximize"] = key(
        "minimize", "whether a lower or a higher metric is better"
    )
    startup_trials: Count = key(5, "trials with random values; none is pruned before they are complete")
    pruning: bool = key(True, "stop a trial that is worse than the median of the others at the same epoch")
    warmup_epochs: NotNegative = key(1, "epochs of each trial before it can be pruned")
    seed: Seed = key("${seed}", "seed of the proposed values")
    storage: Any = key("${oc.env:JLML_SEARCH_STORAGE,null}", "null for a journal file; or a database URL")
    ranges: dict[str, Any] = key({}, "by config key or group: {low, high, step, log}, or a list of choices")


class RunLogger(Options):
    """A node of the group `logger`."""

    every: Count = option("logger=csv: log calls between two writes")
    folder: Text = option("logger=wandb: where wandb makes its folder wandb")
    project: Text = option("logger=wandb: project on the server")
    entity: Text | None = option("logger=wandb: user or team; null for the default one")
    group: Text | None = option("logger=wandb: group of the run; by default the name of its sweep")
    offline: bool = option("logger=wandb: write only to the folder; wandb sync uploads it later")
    experiment: Text = option("logger=mlflow: name of the experiment")
    tracking_uri: Text = option("logger=mlflow: address of the server, or sqlite:///<file>")


class Train(Keys):
    """The config of `train.py`."""

    name: Name | None = key(None, "name of the run, for its folder, reports, tables and loggers")
    tags: Annotated[list[Name], Expected("a list of texts, for example [baseline,lecture]")] = key(
        [], "tags of the run, for example [baseline,lecture], for tables and loggers"
    )
    note: Text | None = key(None, "a note about the run, for its report and loggers")
    seed: Seed = key(0, "seed of weights, split, order of images and all other random numbers")
    output_dir: Text = key(OUTPUTS, "folder for the run folders")
    draw_every: Every = key(
        "auto",
        "epochs between two pictures of each kind; auto for 0, 1, 2, 3, 5, 10, 20, 50, ...; null for the end",
    )
    keep_checkpoints_every: Count | None = key(
        None, "epochs between two checkpoints to keep, starting at epoch 0; null for only best and last"
    )
    threads: Annotated[int, Ge(1), Le(1024)] | None = key(None, "number of CPU threads; null for all cores")
    early_stopping: Count | None = key(None, "stop after this number of epochs without a better val/loss")
    resume: Folder | None = key(None, "run folder to resume, with its own config; or last: the newest one")
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
    logger: dict[str, RunLogger] | None = None
    search: Search | None = None
    # jlml adds these when it composes the config and when it reads the data
    choices: dict[str, str] = {}
    changes: list[str] = []
    image_shape: list[int] = []
    data_fingerprint: str = ""


class Plane(Keys):
    """`plane`: the latent planes that an evaluation decodes."""

    axes: (
        Annotated[
            Annotated[list[Count], Len(2, 2), AfterValidator(distinct)],
            Expected("two different integers >= 1, for example [1,2]"),
        ]
        | None
    ) = key(None, "two latent dimensions, for example [1,2]; null for the two that vary most")
    images: (
        Annotated[
            Annotated[list[NotNegative], Len(3, 3), AfterValidator(distinct)],
            Expected("three different integers >= 0, for example [0,1,2]"),
        ]
        | None
    ) = key(None, "three test images, for example [0,1,2]; null for images of three classes")
    x: Range | None = key(
        None, "range of the first coordinate, for example [-10,10]; null for the region of the test codes"
    )
    y: Range | None = key(None, "range of the second coordinate")


class Explorer(Keys):
    """`explorer`: the page in which a pointer decodes any code."""

    weights: Literal[16, 32] = key(32, "bits of a weight in the page; 16 for half the size, to share it")
    epochs: list[NotNegative] | None = key(
        None, "epochs with kept weights (keep_checkpoints_every) that the page has too; null for all"
    )


class EvaluationData(Keys):
    """`data` of an evaluation."""

    root: Text | None = key(None, "folder that has the data now; null for the one that the run used")
    path: Text | None = key(None, "file that has the data now; null for the one that the run used")


class Evaluate(Keys):
    """The config of `evaluate.py`. Everything else comes from the config of the run."""

    run: Folder | None = key(None, "one run: its folder, a checkpoint file in it, or last for the newest")
    runs: (
        Annotated[
            str | int | list[str | int],
            Expected("a folder, a glob, or a list of folders, 'runs=[one,other]'"),
        ]
        | None
    ) = key(None, "several runs: a list of folders, a folder that contains them, or a glob")
    sweep: Folder | None = key(None, "folder of a sweep, to compare its finished runs")
    checkpoint: Literal["best", "last"] = key("best", "checkpoint to evaluate")
    parts: Any = key(
        None, "for example [reconstruction,codes]; null for all, or all but tsne for several runs"
    )
    figures: Literal["svg", "pdf"] | None = key(None, "write every figure also as SVG or PDF, for print")
    export: Literal["onnx"] | None = key(
        None, "onnx: write encoder.onnx and decoder.onnx of one run, and evaluate nothing"
    )
    read_as: Literal["cont_bern"] | None = key(
        None, "score the decoder as this observation model, whatever it was trained with, and only that"
    )
    reuse: bool = key(True, "several runs: reuse results of earlier evaluations")
    output_dir: Text | None = key(
        None,
        "folder of a comparison, null for one beside the runs; or where run=last looks, null for outputs",
    )
    device: Literal["cpu", "gpu"] = key("cpu", "device of the computation")
    seed: Seed = key(0, "seed of all random numbers")
    batch_size: Count = key(1000, "images per batch; does not affect the results")
    importance_samples: Count = key(100, "draws per image for the bounds on log p(x)")
    samples: Count = key(10000, "generated images per sampler; at most the number of test images")
    features: Text | None = key(
        None,
        "dotted path of a function that returns a network for the features of generated images; null: of "
        "digits",
    )
    training_images: bool = key(False, "part images: also write a row for every training image")
    tsne_images: Count = key(5000, "test images that t-SNE maps")
    plane: Plane = Plane()
    explorer: Explorer = Explorer()
    data: EvaluationData = EvaluationData()
    trust: bool = key(False, "evaluate a run whose config names classes outside jlml, torch and lightning")
    choices: dict[str, str] = {}
    changes: list[str] = []
