"""Learning data: data sets, splits and transforms."""
