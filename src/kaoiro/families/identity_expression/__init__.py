"""System B: two encoders and a decoder that take apart who somebody is and what the face does, by subject ids alone."""
