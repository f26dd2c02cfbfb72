"""The explorer's page of one run."""

from jlml.evaluation.explorer import NAME, explorer_page
from jlml.evaluation.results import Results
from jlml.evaluation.subject import Subject


def explorer(subject: Subject) -> Results:
    """A page with the run's networks and test images, in which a pointer decodes any code."""
    results = Results()
    results.files[NAME] = explorer_page([subject], {"Report": "report.html"}).encode()
    return results
