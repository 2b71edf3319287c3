"""The parts of a lesson's page: `text` with what was measured in it, `sitting` (the prepared run on the stage),
`sketch` (a curve by hand) and `prediction`, `way` (the bars above and below the words), `lecture` (what a link may
hide) and `looks`."""
