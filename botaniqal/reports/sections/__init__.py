"""What stands on each report: figures, put into tables, with a chart where one says it sooner."""
