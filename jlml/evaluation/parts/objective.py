"""The training objective on the test images: what training reported, from the folder alone."""

import math

import torch
from torch import Tensor

from jlml.evaluation.findings import Findings, means_of
from jlml.evaluation.subject import Subject
from jlml.metrics import named

AGREEMENT = 1e-4  # relative: another machine may round differently


def objective(subject: Subject) -> Findings:
    """Measures what the test at the end of training measured, in the same batches with the same draws."""
    in_16_bits = subject.config["trainer"]["precision"] == "bf16-mixed"
    batches: list[dict[str, Tensor]] = []
    with torch.no_grad(), torch.autocast(subject.device.type, torch.bfloat16, enabled=in_16_bits):
        for number, (images, *_) in enumerate(subject.data.test_dataloader()):
            values = subject.model.measure(images.to(subject.device), number)
            batches.append({name: value.cpu() for name, value in values.items()})
    findings = Findings(means_of({name: torch.cat([b[name] for b in batches]) for name in batches[0]}))
    whole = subject.config["trainer"].get("limit_test_batches", 1.0) == 1.0
    reported = subject.run.metrics().get("metrics") if whole and subject.which == "best" else None
    for name, value in named("test", findings.metrics).items():
        known = reported.get(name) if isinstance(reported, dict) else None
        if isinstance(known, float) and not math.isclose(value.value, known, rel_tol=AGREEMENT):
            findings.remarks.append(
                f"{name} is {value.value:.6g} here, and training reported {known:.6g}: other "
                "images, another machine or another version of jlml."
            )
    return findings
