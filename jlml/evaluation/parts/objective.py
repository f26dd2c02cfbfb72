"""The training objective on the test images: what training reported, from the folder alone."""

import math

from lightning import Trainer

from jlml.evaluation.findings import Estimate, Findings
from jlml.evaluation.subject import Subject
from jlml.training import measured

AGREEMENT = 1e-4  # relative: another machine may round differently


def objective(subject: Subject) -> Findings:
    """Runs the model's own test, as training did at its end."""
    trainer = Trainer(
        accelerator=subject.settings.device,
        devices=1,
        precision=subject.config["trainer"]["precision"],
        deterministic=True,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(subject.model, subject.data, verbose=False)
    subject.model.to(subject.device)  # the trainer has left it on the CPU
    measurements = measured(trainer)
    count = len(subject.test_labels)
    findings = Findings({name.split("/")[1]: Estimate(value, count) for name, value in measurements.items()})
    reported = subject.run.metrics().get("metrics", {}) if subject.which == "best" else {}
    for name, value in measurements.items():
        if name in reported and not math.isclose(value, reported[name], rel_tol=AGREEMENT):
            findings.remarks.append(
                f"{name} is {value:.6g} here, and training reported {reported[name]:.6g}: other images, "
                "another machine or another version of jlml."
            )
    return findings
