"""Pictures: functions from data to a matplotlib figure, in one style."""
