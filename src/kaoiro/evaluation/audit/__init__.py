"""What the labels of a set of face pictures are worth: likely errors, copies, pictures without a face, skew."""
