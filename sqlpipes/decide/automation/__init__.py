"""Graph + History + what is observed + what was seen last -> which slices are asked for, and why not.

An evaluation is a plan of the automated assets in which each step has to be admitted: slices whose
inputs are not complete are taken out, and those that failed and of which nothing has changed. What is
left runs in one build, an asset after those that it reads. No clock, no files, no warehouse.
"""

from .automated import automated, automation_problems
from .evaluation import Evaluation, evaluate
from .situation import Situation
from .times import is_due

__all__ = ["Evaluation", "Situation", "automated", "automation_problems", "evaluate", "is_due"]
