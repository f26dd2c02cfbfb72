"""Where the numbers and pictures of a training go: TensorBoard, CSV files, Weights & Biases, MLflow."""

from jlml.loggers.csv import CSV
from jlml.loggers.guarded import Guarded
from jlml.loggers.mlflow import MLflow
from jlml.loggers.tensorboard import TensorBoard, errors_once
from jlml.loggers.wandb import WandB

__all__ = ["CSV", "Guarded", "MLflow", "TensorBoard", "WandB", "errors_once"]
