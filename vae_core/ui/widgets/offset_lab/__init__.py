"""The parts of the Offset lab: `controls` (the knobs of the rule), `plane` (the arrows), `questions` (beside it)."""
