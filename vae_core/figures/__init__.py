"""What the pages show as charts: pure functions of a view (plain numpy) to a plotly figure."""
