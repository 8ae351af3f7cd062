"""System D: valence-arousal, action units and expression from one network, and a generator trained against it."""
