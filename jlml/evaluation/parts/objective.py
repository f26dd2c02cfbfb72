"""The training objective on the test images, computed again from the run folder."""

import math

import torch

from jlml.evaluation.batches import joined
from jlml.evaluation.results import Results, means_of
from jlml.evaluation.subject import Subject
from jlml.metrics import named

AGREEMENT = 1e-4  # relative: another machine may round differently


def objective(subject: Subject) -> Results:
    """Repeats the test at the end of training, with the same batches and the same noise."""
    in_16_bits = subject.config["trainer"]["precision"] == "bf16-mixed"
    with torch.no_grad(), torch.autocast(subject.device.type, torch.bfloat16, enabled=in_16_bits):
        values = joined(
            subject.model.measure(images.to(subject.device), number)
            for number, (images, *_) in enumerate(subject.data.test_dataloader())
        )
    results = Results(means_of(values))
    all_batches = subject.config["trainer"].get("limit_test_batches", 1.0) == 1.0
    reported = subject.run.metrics().get("metrics") if all_batches and subject.which == "best" else None
    for name, value in named("test", results.metrics).items():
        known = reported.get(name) if isinstance(reported, dict) else None
        if isinstance(known, float) and not math.isclose(value.value, known, rel_tol=AGREEMENT):
            results.notes.append(
                f"{name} is {value.value:.6g} here, but training reported {known:.6g}. Images, machine or "
                "version of jlml may differ."
            )
    return results
